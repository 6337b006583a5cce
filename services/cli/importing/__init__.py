"""Import: a preflight over the whole file, then items and events through the services' own doors."""
