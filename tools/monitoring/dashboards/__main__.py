"""`python -m tools.monitoring.dashboards`: writes monitoring/grafana/dashboards/*.json."""

from __future__ import annotations

from tools.monitoring.dashboards.files import FOLDER, texts


def main() -> None:
    """Write the files, and remove those of dashboards that are gone."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = texts()
    for old in FOLDER.glob("*.json"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
