"""What the newest migrations leave in a database: a backup holds all of it. Whoever adds a table adds it here."""

from __future__ import annotations

TABLES = ("items", "item_vectors", "text_jobs", "events", "slates", "training_runs", "bundles")
SEQUENCES = {"item_revision_seq": ("items", "revision"), "events_seq_seq": ("events", "seq")}
"""Sequences, and the column that each of them numbers."""
