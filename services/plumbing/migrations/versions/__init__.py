"""One file a migration, m<number>_<what it brings>.py."""
