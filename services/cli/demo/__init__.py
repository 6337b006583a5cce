"""The demo: one story told by the real parts, step by step."""
