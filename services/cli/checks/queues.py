"""What waits: training runs for a worker, and item texts for the text encoder."""

from __future__ import annotations

from services.cli.checks.finding import Finding

_LONGEST_WAIT_SECONDS = 900
_CONNECT_SECONDS = 3
_RUNS = """
SELECT count(*) FILTER (WHERE lower(state) = 'queued'), count(*) FILTER (WHERE lower(state) = 'running'),
    coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE lower(state) = 'queued')), 0)
FROM training_runs WHERE tenant = %s
"""
_TEXTS = """
SELECT count(*) FILTER (WHERE attempts < %(most)s), count(*) FILTER (WHERE attempts >= %(most)s)
FROM text_jobs WHERE tenant = %(tenant)s
"""


def check_queues(database_url: str, tenant: str) -> list[Finding]:
    """Return one finding for each queue; none where the database does not answer, which is told elsewhere."""
    import psycopg

    from services.core.text_encoder_files import MOST_ATTEMPTS

    texts = {"tenant": tenant, "most": MOST_ATTEMPTS}
    try:
        with psycopg.connect(database_url, connect_timeout=_CONNECT_SECONDS) as connection:
            queued, running, oldest = connection.execute(_RUNS, (tenant,)).fetchone() or (0, 0, 0)
            waiting, given_up = connection.execute(_TEXTS, texts).fetchone() or (0, 0)
    except psycopg.Error:
        return []
    stuck = bool(queued) and not running and float(oldest) > _LONGEST_WAIT_SECONDS
    return [
        Finding(
            "training queue",
            not stuck,
            f"{queued} wait, {running} run" + (f", the oldest for {float(oldest) / 60:.0f} minutes" if queued else ""),
            "no worker takes them: see logs/worker.log in the data directory",
        ),
        Finding(
            "item texts",
            not given_up,
            f"{waiting} wait for the text encoder, {given_up} were given up",
            "see text_jobs.error in the database; writing an item again tries anew",
        ),
    ]
