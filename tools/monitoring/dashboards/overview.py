"""The overview: is all well, and if not, for whom and since when."""

from __future__ import annotations

from tools.monitoring.dashboards.panels import Dashboard, Panel, Query, Row

_DAY = 86400
_GOOD_TO_BAD = ((None, "green"), (1, "red"))


def _objective(title: str, name: str, allowed: float, says: str) -> Panel:
    queries = [
        Query(f"trommel:{name}:ratio_rate{window}", said)
        for window, said in (("5m", "5 minutes"), ("1h", "an hour"), ("6h", "6 hours"))
    ]
    limits = ((None, "green"), (allowed, "red"))
    return Panel(f"{title}: share", queries, says, unit="percentunit", width=6, limits=limits)


OVERVIEW = Dashboard(
    "trommel-overview",
    "Trommel / Overview",
    "Objectives, what is down, and the way of a request.",
    [
        Row(
            "Now",
            [
                Panel(
                    "Alerts that fire",
                    [Query('count(ALERTS{alertstate="firing",alertname!="DeadMansSwitch"}) or vector(0)', "firing")],
                    "Each has a page in docs/runbooks.",
                    kind="stat",
                    width=4,
                    height=5,
                    limits=_GOOD_TO_BAD,
                ),
                Panel(
                    "Parts that are down",
                    [Query("trommel:part_down", "{{part}}")],
                    "1: no replica answers. PostgreSQL and Redis are judged by the services that need them.",
                    kind="stat",
                    width=12,
                    height=5,
                    limits=_GOOD_TO_BAD,
                ),
                Panel(
                    "Acknowledged and lost",
                    [Query('sum(trommel_acknowledged_events_lost_total{job="trommel"})', "lost")],
                    "Must stay 0: events that were acknowledged and are not in PostgreSQL, of those that were audited.",
                    kind="stat",
                    width=4,
                    height=5,
                    limits=_GOOD_TO_BAD,
                ),
                Panel(
                    "Age of the bundle that serves",
                    [
                        Query(
                            "time() - max(trommel_bundle_created_timestamp_seconds"
                            '{job="trommel",service="ranking"} > 0)',
                            "age",
                        )
                    ],
                    "The objective is a week at most.",
                    unit="s",
                    kind="stat",
                    width=4,
                    height=5,
                    limits=((None, "green"), (5 * _DAY, "yellow"), (7 * _DAY, "red")),
                ),
            ],
        ),
        Row(
            "Objectives",
            [
                _objective("Recommend fails", "recommend_failed", 0.001, "Allowed: 0.1 % over 30 days."),
                _objective("Recommend is slow", "recommend_slow", 0.01, "Over 100 ms. Allowed: 1 % over 30 days."),
                _objective("Slates are degraded", "answers_degraded", 0.01, "Allowed: 1 % over 30 days."),
                _objective("Recording events fails", "record_events_failed", 0.001, "Allowed: 0.1 % over 30 days."),
            ],
        ),
        Row(
            "The way of a request",
            [
                Panel(
                    "Calls a second",
                    [
                        Query(
                            'sum by (service) (rate(grpc_server_started_total{job="trommel"}[$__rate_interval]))',
                            "{{service}}",
                        )
                    ],
                    "RPCs begun, by service.",
                    unit="reqps",
                ),
                Panel(
                    "Recommend: time",
                    [
                        Query(
                            f"histogram_quantile({quantile}, sum by (le) (rate(grpc_server_handling_seconds_bucket"
                            '{job="trommel",grpc_method="Recommend"}[$__rate_interval])))',
                            f"p{quantile * 100:g}",
                        )
                        for quantile in (0.5, 0.95, 0.99)
                    ],
                    "At the server, from the start of an RPC to its end.",
                    unit="s",
                    limits=((None, "green"), (0.1, "red")),
                ),
                Panel(
                    "Why slates are degraded",
                    [
                        Query(
                            "sum by (reason) (rate(trommel_degraded_answers_total"
                            '{job="trommel",pipeline="ranking"}[$__rate_interval]))',
                            "{{reason}}",
                        )
                    ],
                    "Reasons are explained in docs/architecture.md. A slate with two reasons counts for each.",
                    unit="reqps",
                    quiet=True,
                    stacked=True,
                ),
                Panel(
                    "Events a second",
                    [
                        Query(
                            'sum by (result) (rate(trommel_events_total{job="trommel"}[$__rate_interval]))',
                            "{{result}}",
                        )
                    ],
                    "Recorded, known before, or rejected for a field that breaks a rule.",
                    unit="reqps",
                ),
                Panel(
                    "Who reaches whom",
                    [Query('min by (service, part) (trommel_part_up{job="trommel"})', "{{service}} → {{part}}")],
                    "0: at least one process of the service gets no answer from the part.",
                ),
                Panel(
                    "Alerts",
                    [
                        Query(
                            'count by (alertname, severity) (ALERTS{alertstate="firing",alertname!="DeadMansSwitch"})',
                            "{{alertname}}",
                        )
                    ],
                    "What fired when.",
                    quiet=True,
                ),
            ],
        ),
    ],
)
