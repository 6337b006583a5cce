"""`trommel doctor`: what is wrong, and what to do."""

from __future__ import annotations

import typer

from services.cli import options


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog=options.examples("trommel doctor", "trommel doctor --json"))(doctor)


def doctor(data_dir: options.DataDir = None, as_json: options.Json = False) -> None:
    """Look at the machine, the installation and the running stack. Fails when something is wrong."""
    del data_dir  # its callback has chosen the directory
    from services.cli.checks.examination import examine
    from services.cli.cli_error import CliError
    from services.cli.commands.stack import stack_errors
    from services.cli.console import output, print_json

    with stack_errors():
        findings = examine()
    if as_json:
        rows = [{"name": f.name, "ok": f.ok, "message": f.message, "hint": f.hint} for f in findings]
        print_json({"findings": rows})
    else:
        for finding in findings:
            mark = "[green]ok  [/green]" if finding.ok else "[red]FAIL[/red]"
            hint = f": {finding.hint}" if finding.hint and not finding.ok else ""
            output().print(mark, end=" ")
            output().print(f"{finding.name}: {finding.message}{hint}", markup=False, soft_wrap=True)
    problems = [finding.name for finding in findings if not finding.ok]
    if problems:
        raise CliError(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}: {', '.join(problems)}")
