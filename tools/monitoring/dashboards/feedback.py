"""Feedback and data: events in, histories, impressions, catalog."""

from __future__ import annotations

from tools.monitoring.dashboards.panels import Dashboard, Panel, Query, Row

FEEDBACK = Dashboard(
    "trommel-feedback",
    "Trommel / Feedback and data",
    "What users do, what is kept of it, and what answers are made of.",
    [
        Row(
            "Events",
            [
                Panel(
                    "Events a second, by type",
                    [
                        Query(
                            "sum by (type) (rate(trommel_events_total"
                            '{job="trommel",result="recorded"}[$__rate_interval]))',
                            "{{type}}",
                        )
                    ],
                    "Recorded for the first time.",
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Events a second, by result",
                    [
                        Query(
                            'sum by (result) (rate(trommel_events_total{job="trommel"}[$__rate_interval]))',
                            "{{result}}",
                        )
                    ],
                    "Duplicates are events that were sent again: harmless, unless they are most.",
                    unit="reqps",
                ),
                Panel(
                    "Rejected, by field",
                    [
                        Query(
                            'sum by (field) (rate(trommel_rejected_events_total{job="trommel"}[$__rate_interval]))',
                            "{{field}}",
                        )
                    ],
                    "The field that breaks a rule; the rules are in feedback.proto.",
                    unit="reqps",
                    quiet=True,
                ),
                Panel(
                    "Time to commit, p99",
                    [
                        Query(
                            "histogram_quantile(0.99, sum by (le) (rate("
                            'trommel_event_commit_duration_seconds_bucket{job="trommel"}[$__rate_interval])))',
                            "p99",
                        )
                    ],
                    "One batch; an event is acknowledged after it.",
                    unit="s",
                ),
                Panel(
                    "Events committed together, mean",
                    [
                        Query(
                            'sum(rate(trommel_event_batch_events_sum{job="trommel"}[$__rate_interval])) / '
                            'sum(rate(trommel_event_batch_events_count{job="trommel"}[$__rate_interval]))',
                            "events",
                        )
                    ],
                    "Larger batches cost less for each event.",
                ),
                Panel(
                    "Streams: lag, p99",
                    [
                        Query(
                            "histogram_quantile(0.99, sum by (le) (rate("
                            'trommel_event_stream_lag_seconds_bucket{job="trommel"}[$__rate_interval])))',
                            "p99",
                        )
                    ],
                    "From the reading of a streamed event to its acknowledgement.",
                    unit="s",
                    quiet=True,
                ),
                Panel(
                    "Streams that are open",
                    [Query('sum by (instance) (trommel_event_streams{job="trommel"})', "{{instance}}")],
                    "StreamEvents calls.",
                ),
                Panel(
                    "Audited and lost a second",
                    [
                        Query(
                            'sum(rate(trommel_acknowledged_events_audited_total{job="trommel"}[$__rate_interval]))',
                            "audited",
                        ),
                        Query(
                            'sum(rate(trommel_acknowledged_events_lost_total{job="trommel"}[$__rate_interval]))', "lost"
                        ),
                    ],
                    "Acknowledged events that were looked for again, and those that were not there: must stay 0.",
                    unit="reqps",
                    width=16,
                ),
            ],
        ),
        Row(
            "Histories",
            [
                Panel(
                    "Stale histories",
                    [Query('max by (instance) (trommel_stale_histories_users{job="trommel"})', "{{instance}}")],
                    "Users whose keys in Redis lack an event; -1: perhaps all. Mended as soon as Redis answers.",
                ),
                Panel(
                    "Rebuilt a second",
                    [Query('sum(rate(trommel_history_rebuilds_total{job="trommel"}[$__rate_interval]))', "rebuilt")],
                    "From PostgreSQL, when ranking asks for one that Redis does not have.",
                    unit="reqps",
                ),
                Panel(
                    "Failures of the cache",
                    [
                        Query(
                            "sum by (service, operation) (rate(trommel_history_cache_failures_total"
                            '{job="trommel"}[$__rate_interval]))',
                            "{{service}} {{operation}}",
                        )
                    ],
                    "Redis was late or away.",
                    unit="reqps",
                ),
            ],
        ),
        Row(
            "Served slates",
            [
                Panel(
                    "Records a second, by what became of them",
                    [
                        Query(
                            "sum by (service, result) (rate(trommel_slate_records_total"
                            '{job="trommel"}[$__rate_interval]))',
                            "{{service}} {{result}}",
                        )
                    ],
                    "Ranking sends them after the answer; dropped and failed ones are missing in training.",
                    unit="reqps",
                ),
                Panel(
                    "Waiting to be recorded",
                    [Query('sum by (instance) (trommel_slate_record_queue_slates{job="trommel"})', "{{instance}}")],
                    "TROMMEL_SLATE_QUEUE_SIZE (2048) is the most.",
                ),
                Panel(
                    "The oldest has waited",
                    [Query('max by (instance) (trommel_slate_record_oldest_seconds{job="trommel"})', "{{instance}}")],
                    "A quarter of a second is usual (TROMMEL_SLATE_LINGER_SECONDS).",
                    unit="s",
                ),
            ],
        ),
        Row(
            "Catalog",
            [
                Panel(
                    "Items",
                    [Query('max by (instance) (trommel_catalog_items{job="trommel"})', "{{instance}}")],
                    "As each replica of candidates sees it.",
                    width=12,
                ),
                Panel(
                    "Last read",
                    [
                        Query(
                            'time() - max by (instance) (trommel_catalog_read_timestamp_seconds{job="trommel"} > 0)',
                            "{{instance}}",
                        )
                    ],
                    "Each replica looks once a second (TROMMEL_CATALOG_POLL_SECONDS).",
                    unit="s",
                    width=12,
                ),
            ],
        ),
    ],
)
