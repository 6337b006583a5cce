"""The `trommel` command: a thin client of the services and the keeper of the one-machine stack."""
