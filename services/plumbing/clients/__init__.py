"""Clients of the parts that a service talks to: each bounded in time, none with a default that blocks for seconds."""
