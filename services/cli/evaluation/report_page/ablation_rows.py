"""The ablation as rows: what the cascade loses without each part, and what each is alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cli.evaluation.report_page.comparison import Difference
from services.cli.evaluation.report_page.titles import title


def ablation_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a part, what costs most first; none where the evaluation has no ablation.

    "name", "title", "is_source"; "alone" and "without" its figures, or None; "difference" and "error": NDCG@10
    without it less that of the full cascade; "matters": that is a loss beyond two standard errors.
    """
    found = result.get("ablation") or {}
    rows = []
    for name, without in found.get("without", {}).items():
        gap = Difference(without["difference"]["ndcg@10"], without["difference"]["ndcg@10_se"])
        rows.append(
            {
                "name": name,
                "title": title(name),
                "is_source": name in found.get("alone", {}),
                "alone": found.get("alone", {}).get(name),
                "without": without,
                "difference": gap.value,
                "error": gap.error,
                "matters": gap.level == "worse",
            }
        )
    return sorted(rows, key=lambda row: (row["difference"], row["name"]))
