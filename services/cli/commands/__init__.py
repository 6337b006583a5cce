"""One file a command group: read the options, call, show."""
