"""Texts on their way to the text encoder."""
