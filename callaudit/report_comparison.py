"""Compare each report with what the simulator knows: every row, every cell, in order.

Each difference is one line of text. No line means that everything agrees.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import simulator
from calls.instants import Instant

if TYPE_CHECKING:
    import pandas as pd

    from reports.runs import Run

Cells = Mapping[str, Any]

KEYS: Mapping[str, tuple[str, ...]] = {
    "refer_outcomes": ("outcome", "final_code"),
    "failure_causes": ("subject", "cause_name", "fault_domain", "cause_raw"),
    "coverage_exceptions": ("call_session_id", "call_leg_id"),
    "log_integrity": ("measure", "detail"),
}
"""Report -> the columns that tell its rows apart beside those of a breakdown."""

UNFORESEEN_COLUMNS = ("first_seen_at", "last_seen_at", "positions")
UNFORESEEN_MEASURES = ("system", "duplicate_deliveries", "late_events", "latency")
"""What nobody can know beforehand of webhooks that are posted, several at once, to a program that has its own say."""

_CLOSE = 1e-12
"""Two ways to work out the same ratio may differ in their last bits."""


def reports(
    runs: Iterable["Run"],
    made: simulator.Simulation,
    heard: Sequence[simulator.Heard] | None = None,
    more: Sequence[tuple[Instant, simulator.Counted]] = (),
) -> Iterator[str]:
    """Compare runs of reports.

    ``heard`` is what the log took, and ``more`` what else is on the record, where that is known; else what they decide
    is left out.
    """
    for run in runs:
        asked = _asked(run)
        if heard is None:
            yield from _as_posted(run, made, asked)
        else:
            true = simulator.answer(run.name, made.truth, asked, heard, more)
            yield from rows(run.name, _records(run.frame), true, _keys(run))


def _as_posted(run: "Run", made: simulator.Simulation, asked: simulator.Asked) -> Iterator[str]:
    """Compare what does not depend on the order and times in which webhooks were received."""
    said = _records(run.frame)
    if run.name != "log_integrity":
        known = [{name: row[name] for name in row if name not in UNFORESEEN_COLUMNS} for row in said]
        yield from rows(run.name, known, simulator.answer(run.name, made.truth, asked), _keys(run))
        return
    refused = ((one.send_at, one.expected_reason) for one in made.deliveries if one.expected_reason is not None)
    more = [(at, simulator.Counted("rejected", reason)) for at, reason in refused]
    true = simulator.answer(run.name, made.truth, asked, simulator.hear(made.deliveries), more)
    said, true = ([row for row in of if _is_foreseen(row)] for of in (said, true))
    yield from rows(run.name, said, true, _keys(run))


def _is_foreseen(row: Cells) -> bool:
    """Tell whether a measure is known beforehand; of two events with one id, which is the repeat depends on arrival."""
    which = row["measure"] == "id_conflicts" and row["detail"] is not None
    return row["measure"] not in UNFORESEEN_MEASURES and not which


def rows(report: str, said: Sequence[Cells], true: Sequence[Cells], keys: Sequence[str]) -> Iterator[str]:
    """Compare rows cell by cell, and their order."""
    told, known = ({tuple(row[key] for key in keys): row for row in of} for of in (said, true))
    yield from (f"{report}: {key} is not true" for key in told if key not in known)
    yield from (f"{report}: {key} is missing" for key in known if key not in told)
    if len(said) != len(true):
        yield f"{report}: {len(said)} rows, true are {len(true)}"
    elif told.keys() == known.keys() and list(told) != list(known):
        yield f"{report}: rows are in another order"
    for key in told.keys() & known.keys():
        yield from _cells(report, key, told[key], known[key])


def _cells(report: str, key: tuple[Any, ...], said: Cells, true: Cells) -> Iterator[str]:
    for name in sorted(said.keys() | true.keys()):
        if name not in true or name not in said:
            yield f"{report}: {name} is in {'the report' if name in said else 'the truth'} alone"
        elif not _equal(said[name], true[name]):
            yield f"{report}: {name} of {key} is {said[name]}, true is {true[name]}"


def _equal(said: Any, true: Any) -> bool:
    if isinstance(said, float) and isinstance(true, float):
        return math.isclose(said, true, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return said == true


def _asked(run: "Run") -> simulator.Asked:
    period = run.question.period
    return simulator.Asked(period.first, period.end, period.zone, run.question.by)


def _keys(run: "Run") -> tuple[str, ...]:
    return (*run.question.columns, *KEYS.get(run.name, ()))


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Give rows with None for what is missing; pandas has several words for that."""
    plain = frame.astype(object).where(frame.notna(), None)
    columns = [str(column) for column in plain.columns]
    return [dict(zip(columns, row, strict=True)) for row in plain.itertuples(index=False)]
