"""All I/O that the services share."""
