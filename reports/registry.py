"""The reports there are. Each is ``reports/<name>.sql`` and ``reports/<name>.py``, which offers ``REPORT``.

Names and titles are at hand without pandas; a report's own module is imported when it is asked for.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, LiteralString, cast

from reports.errors import ReportUnknown

if TYPE_CHECKING:
    import pandas as pd

    from reports.columns import Column
    from reports.question import Question

BREAKDOWNS = ("day", "week", "connection", "number", "tag")
"""What every report about calls can be broken down by; some also by ``hour``."""

TITLES: Mapping[str, str] = {
    "call_volume": "How many calls there were, how many were answered, how long they lasted.",
    "command_audit": "Commands sent to Telnyx: who, what, why, and what came of them.",
    "coverage_exceptions": "Every leg that was not recorded in full, and what was recorded that must not be.",
    "failure_causes": "Why SIPREC sessions, transfers and call legs failed or ended abnormally.",
    "log_integrity": "What the log holds and what it lacks: duplicates, conflicts, refusals, outages, delays.",
    "recording_coverage": "How much of what must be recorded was, by count and by time, and how sure that is.",
    "refer_outcomes": "How SIP REFER transfers ended, how often they succeeded, and how long it took.",
    "siprec_sessions": "SIPREC sessions: how many started, how they ended, how long they lasted.",
}
"""Report name -> one sentence, by name."""


@dataclass(frozen=True, slots=True)
class Report:
    """``finish`` turns the rows of the SQL into ``columns``; ``by_default`` is the usual breakdown.

    ``breakdowns`` are those it knows; with ``has_trend`` a run holds the same figures by week, too. ``nothing`` is what
    to tell people where it has no row.
    """

    name: str
    by_default: tuple[str, ...]
    columns: tuple["Column", ...]
    finish: Callable[["pd.DataFrame", "Question"], "pd.DataFrame"]
    breakdowns: tuple[str, ...] = BREAKDOWNS
    has_trend: bool = False
    nothing: str | None = None

    @property
    def sql(self) -> LiteralString:
        """Give the SQL text, the same for every engine."""
        text = (resources.files("reports") / f"{self.name}.sql").read_text(encoding="utf-8")
        # Packaged text: as safe as if written in the code.
        return cast("LiteralString", text)


def find(name: str) -> Report:
    """Give the report of that name. Raises ReportUnknown with the names there are."""
    if name not in TITLES:
        raise ReportUnknown(name, tuple(TITLES))
    report = importlib.import_module(f"reports.{name}").REPORT
    assert isinstance(report, Report), "a report's module offers REPORT"
    return report
