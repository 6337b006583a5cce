"""The schema of the database, as Alembic migrations in plain SQL. Forward only: going back is a restored backup."""
