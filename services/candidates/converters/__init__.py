"""Proto ↔ domain."""
