"""One run of a report: ask an engine, finish the answer, keep with it what it was asked and as of when."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import psycopg

from reports import calendar, columns, engines, question, registry
from reports.columns import Column
from reports.engines import Engine
from reports.question import Question


@dataclass(frozen=True, slots=True)
class Run:
    """A report's answer. Every event before log ``position`` is in it; None: the engine was given none."""

    name: str
    question: Question
    position: int | None
    columns: tuple[Column, ...]
    frame: pd.DataFrame

    def shown(self) -> pd.DataFrame:
        """Give the figures as text for people: percentages rounded honestly, blanks for what is unknown."""
        return columns.shown(self.frame, self.columns)


def execute(  # noqa: PLR0913 - a report's whole question, by keyword
    name: str,
    source: Engine | psycopg.Connection[Any] | str,
    *,
    from_: Any,
    to: Any,
    zone: str = "UTC",
    by: str | Iterable[str] | None = None,
) -> Run:
    """Run a report over ``[from_, to)``, local dates in ``zone``. Raises ReportRefused.

    ``source`` is a Postgres URL, an idle connection, or an engine. ``by`` is ``total``, ``day``,
    ``connection`` or ``connection,day``; None is what the report usually gives.
    """
    report = registry.find(name)
    by = report.by_default if by is None else by
    asked = Question(calendar.period(from_, to, zone), question.breakdown(by))
    with engines.opened(source) as engine:
        answer = engine.read(report.sql, asked.frames())
    shown = tuple(c for c in report.columns if c.name not in question.KEY_COLUMNS or c.name in asked.columns)
    frame = columns.declared(report.finish(answer.frame, asked), shown)
    return Run(name, asked, answer.position, shown, frame)
