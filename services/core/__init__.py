"""Pure: standard library and numpy. Domain types, sources, the stage pipeline, metrics mathematics."""
