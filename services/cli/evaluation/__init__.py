"""Evaluation over the running stack: the slates that users would get, against what they did next."""
