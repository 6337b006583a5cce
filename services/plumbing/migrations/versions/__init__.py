"""One file a migration, m<number>_<what it brings>.py. They only go forward: the way back is a restored backup."""
