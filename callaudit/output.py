"""How answers are printed: a table for people, JSON for programs (instants as ISO 8601 UTC with microseconds)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import rich.console
import rich.markup
import rich.progress
import rich.table
import typer

from calls import instants


def json_line(value: Any) -> None:
    """Print one JSON value on one line."""
    # The standard library's: a cause as sent may be a number of any size, which orjson refuses to write.
    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":")))


def table(columns: Sequence[str], rows: Iterable[Mapping[Any, Any]]) -> None:
    """Print rows as a table; a terminal's width is kept, a pipe's lines are never cut."""
    console = rich.console.Console()
    if not console.is_terminal:
        console = rich.console.Console(width=10_000)
    grid = rich.table.Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(rich.markup.escape(text(row[column])) for column in columns))
    console.print(grid)


def text(value: Any) -> str:
    """Write one value for people: nothing known is a dash."""
    match value:
        case None:
            return "-"
        case datetime():
            return instant(value)
        case list() | tuple():
            return ", ".join(map(text, value)) or "-"  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return str(value)


def instant(value: datetime) -> str:
    """Write an instant as ISO 8601, UTC, with microseconds."""
    return instants.to_text(instants.from_datetime(value))


def progress() -> rich.progress.Progress:
    """Make a progress display on stderr: silent where nobody watches."""
    console = rich.console.Console(stderr=True)
    return rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    raise TypeError
