"""The catalog: PostgreSQL holds it, every candidates process keeps a replica of what serving needs."""
