"""Alembic's entry: runs the migrations on the connection that services.plumbing.migrate opened and locked."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("run migrations by: python -m services.plumbing.migrate")
context.configure(connection=connection, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
