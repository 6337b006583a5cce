"""The stages of ranking, one idea a file."""
