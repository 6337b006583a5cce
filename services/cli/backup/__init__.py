"""Backup and restore: PostgreSQL's truth and the bundles that serve, as one file."""
