"""The Grafana dashboards, written by `python -m tools.monitoring.dashboards` into monitoring/grafana/dashboards."""
