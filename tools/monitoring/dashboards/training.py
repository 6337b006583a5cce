"""Training and model quality: runs, stores, bundles, and how good the one that serves is."""

from __future__ import annotations

from tools.monitoring.dashboards.panels import Dashboard, Panel, Query, Row

TRAINING = Dashboard(
    "trommel-training",
    "Trommel / Training and model quality",
    "Runs, the bundles that they make, and their figures on held-out events.",
    [
        Row(
            "Runs",
            [
                Panel(
                    "Runs, by state",
                    [Query('max by (state) (trommel_training_table_runs{job="trommel"})', "{{state}}")],
                    "As PostgreSQL knows them. Abandoned ones wait for another worker.",
                ),
                Panel(
                    "Ended an hour",
                    [Query('sum by (state) (increase(trommel_training_runs_total{job="trommel"}[1h]))', "{{state}}")],
                    "As the workers count; held_back: ended well, and the gate did not let the bundle serve.",
                ),
                Panel(
                    "The oldest that waits",
                    [Query('max(trommel_training_oldest_waiting_run_seconds{job="trommel"})', "waiting")],
                    "0: none waits.",
                    unit="s",
                ),
                Panel(
                    "Progress of the present run",
                    [Query('max by (instance) (trommel_training_progress_ratio{job="trommel"})', "{{instance}}")],
                    "0 between runs.",
                    unit="percentunit",
                ),
                Panel(
                    "Time of steps, mean of a day",
                    [
                        Query(
                            'sum by (step) (increase(trommel_training_step_duration_seconds_sum{job="trommel"}[1d])) / '
                            'sum by (step) (increase(trommel_training_step_duration_seconds_count{job="trommel"}[1d]))',
                            "{{step}}",
                        )
                    ],
                    "Where the time of a run goes.",
                    unit="s",
                    quiet=True,
                ),
                Panel(
                    "The last run took",
                    [Query('max(trommel_training_last_run_duration_seconds{job="trommel"})', "seconds")],
                    "Whatever became of it.",
                    unit="s",
                ),
                Panel(
                    "Since the last success",
                    [
                        Query(
                            'time() - max(trommel_training_last_success_timestamp_seconds{job="trommel"} > 0)',
                            "age",
                        )
                    ],
                    "Bundles that were imported do not count.",
                    unit="s",
                    kind="stat",
                ),
                Panel(
                    "Messages in the queue",
                    [Query('max(trommel_training_queue_messages{job="trommel"})', "messages")],
                    "In Redis, taken by no worker.",
                ),
            ],
        ),
        Row(
            "Model quality",
            [
                Panel(
                    "The active bundle on held-out events",
                    [Query('max by (figure) (trommel_bundle_quality_ratio{job="trommel"})', "{{figure}}")],
                    "Measured by its training run, before it went live. docs/metrics.md explains the figures.",
                    unit="percentunit",
                    width=16,
                ),
                Panel(
                    "Ranker against popularity",
                    [
                        Query(
                            'max(trommel_bundle_quality_ratio{job="trommel",figure="ranker_ndcg_at_10"}) / '
                            'max(trommel_bundle_quality_ratio{job="trommel",figure="popularity_ndcg_at_10"} > 0)',
                            "times",
                        )
                    ],
                    "NDCG@10 of the ranker as a multiple of popularity's.",
                    kind="stat",
                    limits=((None, "red"), (1, "green")),
                ),
            ],
        ),
        Row(
            "Bundles and stores",
            [
                Panel(
                    "Bundle that serves",
                    [
                        Query(
                            'count by (service, version) (trommel_bundle_info{job="trommel"} == 1)',
                            "{{service}} {{version}}",
                        )
                    ],
                    "How many replicas serve from which. A pointer is followed in seconds.",
                ),
                Panel(
                    "Bundles loaded an hour, by result",
                    [
                        Query(
                            'sum by (service, result) (increase(trommel_bundle_loads_total{job="trommel"}[1h]))',
                            "{{service}} {{result}}",
                        )
                    ],
                    "A failed load is tried again and again; the bundle before serves meanwhile.",
                ),
                Panel(
                    "Age of the bundle",
                    [
                        Query(
                            'time() - max by (service) (trommel_bundle_created_timestamp_seconds{job="trommel"} > 0)',
                            "{{service}}",
                        )
                    ],
                    "The objective is a week at most.",
                    unit="s",
                ),
                Panel(
                    "Left in the stores, of the limit",
                    [
                        Query(
                            'min by (store) (trommel_store_free_bytes{job="trommel"} / '
                            'trommel_store_limit_bytes{job="trommel"})',
                            "{{store}}",
                        )
                    ],
                    "Of the quota or of the file system, the lesser. Under 15 % an alert warns.",
                    unit="percentunit",
                    width=12,
                    limits=((None, "red"), (0.05, "yellow"), (0.15, "green")),
                ),
                Panel(
                    "Used by the stores",
                    [Query('max by (store) (trommel_store_used_bytes{job="trommel"})', "{{store}}")],
                    "What their files take on the disk.",
                    unit="bytes",
                    width=12,
                ),
            ],
        ),
    ],
)
