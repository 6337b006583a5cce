"""The work of the candidates service, one stage a file."""
