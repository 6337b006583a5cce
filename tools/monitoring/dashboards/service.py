"""One service, or several beside each other: calls, times, stages, saturation, process."""

from __future__ import annotations

from tools.monitoring.dashboards.panels import Dashboard, Panel, Query, Row, label_variable

_OF = 'job="trommel",service=~"$service"'

SERVICE = Dashboard(
    "trommel-service",
    "Trommel / Service",
    "Calls, stages, sources and the process of the chosen services.",
    [
        Row(
            "Calls",
            [
                Panel(
                    "Calls a second",
                    [
                        Query(
                            f"sum by (grpc_method) (rate(grpc_server_started_total{{{_OF}}}[$__rate_interval]))",
                            "{{grpc_method}}",
                        )
                    ],
                    "RPCs begun, by method.",
                    unit="reqps",
                ),
                Panel(
                    "Calls that did not end with OK",
                    [
                        Query(
                            "sum by (grpc_method, grpc_code) (rate(grpc_server_handled_total"
                            f'{{{_OF},grpc_code!="OK"}}[$__rate_interval]))',
                            "{{grpc_method}} {{grpc_code}}",
                        )
                    ],
                    "By method and status code. INVALID_ARGUMENT and NOT_FOUND are the caller's.",
                    unit="reqps",
                    quiet=True,
                ),
                Panel(
                    "Time of calls, p99",
                    [
                        Query(
                            "histogram_quantile(0.99, sum by (le, grpc_method) (rate("
                            f"grpc_server_handling_seconds_bucket{{{_OF}}}[$__rate_interval])))",
                            "{{grpc_method}}",
                        )
                    ],
                    "Streams count from their first message to their last.",
                    unit="s",
                ),
            ],
        ),
        Row(
            "Stages (candidates and ranking)",
            [
                Panel(
                    "Time of stages, p99",
                    [
                        Query(
                            "histogram_quantile(0.99, sum by (le, pipeline, stage) (rate("
                            f"trommel_stage_duration_seconds_bucket{{{_OF}}}[$__rate_interval])))",
                            "{{pipeline}} {{stage}}",
                        )
                    ],
                    "Which stage takes the time.",
                    unit="s",
                    width=12,
                ),
                Panel(
                    "Stages that failed",
                    [
                        Query(
                            "sum by (pipeline, stage, error) (rate(trommel_stage_failures_total"
                            f"{{{_OF}}}[$__rate_interval]))",
                            "{{pipeline}} {{stage}} {{error}}",
                        )
                    ],
                    "By class of the exception; the log has the rest.",
                    unit="reqps",
                    width=12,
                    quiet=True,
                ),
                Panel(
                    "Sources: late or failed",
                    [
                        Query(
                            "sum by (source, status) (rate(trommel_source_runs_total"
                            f'{{{_OF},status=~"late|failed"}}[$__rate_interval]))',
                            "{{source}} {{status}}",
                        )
                    ],
                    "A slate goes on without such a source and says so.",
                    unit="reqps",
                    quiet=True,
                ),
                Panel(
                    "Sources: candidates of a run, mean",
                    [
                        Query(
                            f"sum by (source) (rate(trommel_source_candidates_sum{{{_OF}}}[$__rate_interval])) / "
                            f"sum by (source) (rate(trommel_source_candidates_count{{{_OF}}}[$__rate_interval]))",
                            "{{source}}",
                        )
                    ],
                    "How many items each source proposes.",
                ),
                Panel(
                    "Candidates removed a second",
                    [
                        Query(
                            "sum by (pipeline, stage) (rate(trommel_removed_candidates_total"
                            f"{{{_OF}}}[$__rate_interval]))",
                            "{{pipeline}} {{stage}}",
                        )
                    ],
                    "By filter: seen, hidden, not in the catalog, …",
                    quiet=True,
                ),
            ],
        ),
        Row(
            "Saturation",
            [
                Panel(
                    "Calls in flight, of the limit",
                    [
                        Query(
                            f"trommel_grpc_in_flight_rpcs{{{_OF}}} / trommel_grpc_limit_rpcs{{{_OF}}}",
                            "{{service}} {{instance}}",
                        )
                    ],
                    "Above TROMMEL_MAX_CONCURRENT_RPCS calls are refused, and counted, as RESOURCE_EXHAUSTED.",
                    unit="percentunit",
                    limits=((None, "green"), (0.8, "red")),
                ),
                Panel(
                    "Requests that wait for a database connection",
                    [Query(f"trommel_database_waiting_requests{{{_OF}}}", "{{service}} {{instance}}")],
                    "Candidates, feedback and training-api have a pool.",
                ),
                Panel(
                    "Database connections",
                    [Query(f"trommel_database_pool_connections{{{_OF}}}", "{{service}} {{instance}}")],
                    "In use or not.",
                ),
                Panel(
                    "Processor",
                    [Query(f"rate(process_cpu_seconds_total{{{_OF}}}[$__rate_interval])", "{{service}} {{instance}}")],
                    "Cores in use; a server is one process, so about one core is all that it can use.",
                ),
                Panel(
                    "Memory",
                    [Query(f"process_resident_memory_bytes{{{_OF}}}", "{{service}} {{instance}}")],
                    "Resident.",
                    unit="bytes",
                ),
                Panel(
                    "File descriptors, of the limit",
                    [
                        Query(
                            f"process_open_fds{{{_OF}}} / process_max_fds{{{_OF}}}",
                            "{{service}} {{instance}}",
                        )
                    ],
                    "Connections and files.",
                    unit="percentunit",
                ),
                Panel(
                    "Version",
                    [
                        Query(
                            f"count by (service, version) (trommel_build_info{{{_OF}}} == 1)", "{{service}} {{version}}"
                        )
                    ],
                    "What runs, and on how many replicas.",
                    kind="table",
                ),
                Panel(
                    "Up since",
                    [Query(f"time() - process_start_time_seconds{{{_OF}}}", "{{service}} {{instance}}")],
                    "A saw tooth is a process that is started again and again.",
                    unit="s",
                ),
                Panel(
                    "Series of a page",
                    [Query(f"max by (service) (scrape_samples_scraped{{{_OF}}})", "{{service}}")],
                    "2,000 at most.",
                    limits=((None, "green"), (2000, "red")),
                ),
            ],
        ),
    ],
    [label_variable("service", "Service", 'up{job="trommel"}', "service")],
)
