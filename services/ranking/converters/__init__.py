"""Between the wire and the domain: pure functions, columns in bulk."""
