"""Triton: from the services' side and from its own."""

from __future__ import annotations

from tools.monitoring.dashboards.panels import Dashboard, Panel, Query, Row


def _per_request(metric: str) -> Query:
    return Query(
        f'sum by (model) (rate({metric}{{job="trommel"}}[$__rate_interval])) / '
        'sum by (model) (rate(nv_inference_request_success{job="trommel"}[$__rate_interval])) / 1e6',
        "{{model}}",
    )


TRITON = Dashboard(
    "trommel-triton",
    "Trommel / Triton",
    "Inference: what the services see, where the time goes, what the server has left.",
    [
        Row(
            "Seen by the services",
            [
                Panel(
                    "Calls a second",
                    [
                        Query(
                            "sum by (service, model) (rate(trommel_triton_call_duration_seconds_count"
                            '{job="trommel"}[$__rate_interval]))',
                            "{{service}} {{model}}",
                        )
                    ],
                    "One Recommend costs one call of each model.",
                    unit="reqps",
                ),
                Panel(
                    "Time of calls, p99",
                    [
                        Query(
                            "histogram_quantile(0.99, sum by (le, model) (rate("
                            'trommel_triton_call_duration_seconds_bucket{job="trommel"}[$__rate_interval])))',
                            "{{model}}",
                        )
                    ],
                    "With the network. TROMMEL_RANKER_TIMEOUT_SECONDS bounds the ranker's.",
                    unit="s",
                ),
                Panel(
                    "Calls that failed or were late",
                    [
                        Query(
                            "sum by (service, model, result) (rate(trommel_triton_call_duration_seconds_count"
                            '{job="trommel",result!="ok"}[$__rate_interval]))',
                            "{{service}} {{model}} {{result}}",
                        )
                    ],
                    "Slates are then degraded.",
                    unit="reqps",
                    quiet=True,
                ),
            ],
        ),
        Row(
            "Inside Triton",
            [
                Panel(
                    "Requests in the queue",
                    [Query('sum by (model) (nv_inference_pending_request_count{job="trommel"})', "{{model}}")],
                    "Not yet begun.",
                ),
                Panel(
                    "Time in the queue, mean",
                    [_per_request("nv_inference_queue_duration_us")],
                    "Above 10 ms more replicas pay; above 50 ms an alert fires.",
                    unit="s",
                    limits=((None, "green"), (0.01, "yellow"), (0.05, "red")),
                ),
                Panel(
                    "Time of the model, mean",
                    [_per_request("nv_inference_compute_infer_duration_us")],
                    "Computation alone, of one request.",
                    unit="s",
                ),
                Panel(
                    "Requests in one execution, mean",
                    [
                        Query(
                            'sum by (model) (rate(nv_inference_count{job="trommel"}[$__rate_interval])) / '
                            'sum by (model) (rate(nv_inference_exec_count{job="trommel"}[$__rate_interval]))',
                            "{{model}}",
                        )
                    ],
                    "What the dynamic batcher makes of the load.",
                ),
                Panel(
                    "Requests that failed",
                    [
                        Query(
                            "sum by (model, reason) (rate(nv_inference_request_failure"
                            '{job="trommel"}[$__rate_interval]))',
                            "{{model}} {{reason}}",
                        )
                    ],
                    "CANCELED: the caller did not wait. REJECTED: the queue was full.",
                    unit="reqps",
                ),
                Panel(
                    "Versions that serve",
                    [
                        Query(
                            "sum by (model, version) (rate(nv_inference_request_success"
                            '{job="trommel"}[$__rate_interval]))',
                            "{{model}} {{version}}",
                        )
                    ],
                    "A version is a bundle's; two at once while one takes over.",
                    unit="reqps",
                ),
            ],
        ),
        Row(
            "The machine",
            [
                Panel(
                    "Processor",
                    [Query('nv_cpu_utilization{job="trommel"}', "{{instance}}")],
                    "Of the whole machine, as Triton sees it.",
                    unit="percentunit",
                    width=6,
                ),
                Panel(
                    "Memory",
                    [Query('nv_cpu_memory_used_bytes{job="trommel"}', "{{instance}}")],
                    "Of the whole machine, as Triton sees it.",
                    unit="bytes",
                    width=6,
                ),
                Panel(
                    "GPU",
                    [Query('nv_gpu_utilization{job="trommel"}', "{{gpu_uuid}}")],
                    "Only where there is one.",
                    unit="percentunit",
                    width=6,
                    quiet=True,
                ),
                Panel(
                    "GPU memory, of all",
                    [
                        Query(
                            'nv_gpu_memory_used_bytes{job="trommel"} / nv_gpu_memory_total_bytes{job="trommel"}',
                            "{{gpu_uuid}}",
                        )
                    ],
                    "Only where there is a GPU.",
                    unit="percentunit",
                    width=6,
                    quiet=True,
                ),
            ],
        ),
    ],
)
