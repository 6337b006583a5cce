"""Restarts two replicas of every service, one after the other, while callers call; counts what fails."""
