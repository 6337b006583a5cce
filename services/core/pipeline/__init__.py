"""The stage pipeline: seven roles, one runner."""
