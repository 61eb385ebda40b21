"""``rebuild``: fold the log again and compare with what the tables say."""

from collections.abc import Sequence
from typing import Annotated

import typer

from callaudit import database, output, settings, worker
from callaudit.commands.options import Json
from projections import rebuild as rebuilding


def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Only say what differs; exit 1 if anything does.")] = False,
    processes: Annotated[int, typer.Option(help="Processes that fold.", min=1)] = rebuilding.PROCESSES_DEFAULT,
    json: Json = False,
) -> None:
    """Fold the whole log again, show which rows differ from the read models, and put them right."""
    with database.opened(settings.load()) as opened, output.progress() as bar:
        tasks = {what: bar.add_task(what, total=None) for what in ("events", "sessions")}

        def show(what: str, done: int, tasks_done: int, tasks_all: int) -> None:
            bar.update(tasks[what], description=f"{done} {what}", completed=tasks_done, total=tasks_all)

        url = opened.as_part("worker")
        differences = rebuilding.rebuild(
            url, lambda: worker.judged_until(url), processes=processes, apply=not check, progress=show
        )
    _print(differences, json=json)
    if check and any(each.gone or each.new for each in differences):
        raise typer.Exit(1)


def _print(differences: Sequence[rebuilding.Difference], *, json: bool) -> None:
    rows = [
        {
            "table": d.table,
            "rows_gone": d.gone,
            "rows_new": d.new,
            "examples": [list(key) for key in d.examples],
        }
        for d in differences
    ]
    if json:
        output.json_line(rows)
    elif any(d.gone or d.new for d in differences):
        output.table(("table", "rows_gone", "rows_new", "examples"), [row for row in rows if row["examples"]])
    else:
        typer.echo("no row differs")
