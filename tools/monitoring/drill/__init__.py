"""The drill, `python -m tools.monitoring.drill`: faults in a running stack, and which alerts fire."""
