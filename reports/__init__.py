"""Questions with answers that can be asked again: each report is one SQL file and one small module.

``run`` gives a pandas DataFrame; ``execute`` the same with what it was asked and as of when, which
``reports.export`` writes to files. ``TITLES`` names the reports. pandas is imported when a report runs.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from reports.errors import ReportRefused
from reports.registry import TITLES

if TYPE_CHECKING:
    import pandas as pd
    import psycopg

    from reports.engines import Engine
    from reports.runs import Run

__all__ = ["TITLES", "ReportRefused", "execute", "run"]


def run(  # noqa: PLR0913 - a report's whole question, by keyword
    name: str,
    source: "Engine | psycopg.Connection[Any] | str",
    *,
    from_: date | str,
    to: date | str,
    zone: str = "UTC",
    by: str | Iterable[str] | None = None,
) -> "pd.DataFrame":
    """Give a report's figures over ``[from_, to)``, local dates in ``zone``, without its trend; see ``execute``."""
    from reports import runs  # noqa: PLC0415 - pandas takes a second, which `report list` should not pay

    return runs.execute(name, source, from_=from_, to=to, zone=zone, by=by, with_trend=False).frame


def execute(  # noqa: PLR0913 - a report's whole question, by keyword
    name: str,
    source: "Engine | psycopg.Connection[Any] | str",
    *,
    from_: date | str,
    to: date | str,
    zone: str = "UTC",
    by: str | Iterable[str] | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> "Run":
    """Run a report over ``[from_, to)``, local dates in ``zone``. Raises ReportRefused.

    ``source`` is a Postgres URL, an idle connection, or an engine of ``reports.engines``. ``by`` is ``total``, or any
    of ``day``, ``week``, ``connection``, ``number`` and ``tag:NAME`` with commas; None is the report's usual breakdown.
    ``evidence`` goes into the run's header as it is: tree_root, as_of, policies, verification, completeness.
    """
    from reports import runs  # noqa: PLC0415 - pandas takes a second, which `report list` should not pay

    return runs.execute(name, source, from_=from_, to=to, zone=zone, by=by, evidence=evidence)
