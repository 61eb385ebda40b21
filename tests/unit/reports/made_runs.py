"""Runs made by hand, so that a file can be looked at without a log: a month with bad days, and what it is made of."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd

from reports import calendar, columns, question, ratios
from reports.columns import Column, Kind

ZONE = "Europe/London"
EVIDENCE: dict[str, Any] = {
    "tree_root": "9f" * 32,
    "as_of": "2026-11-01T06:00:00.000000Z",
    "verification": {
        "result": "intact",
        "position": 48_213,
        "verified_at": "2026-11-01T05:00:00.000000Z",
        "signatures": True,
        "since": 0,
    },
    "completeness": {
        "events": 48_213,
        "duplicate_deliveries": 311,
        "id_conflicts": 1,
        "quarantined": 2,
        "unattributed": 5,
        "rejected": 12,
        "outages": 1,
        "late_events": 40,
    },
    "versions": {"policies": [{"version": 2, "sha256": "ab" * 32, "in_force_at": "2026-09-30T22:00:00.000000Z"}]},
}


@dataclass(frozen=True, slots=True)
class Made:
    """What a run is to whoever writes files."""

    name: str
    question: question.Question
    position: int | None
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    header: dict[str, Any] = field(default_factory=dict[str, Any])
    trend: pd.DataFrame | None = None

    def shown(self) -> pd.DataFrame:
        """Give the figures as text."""
        return columns.shown(self.frame, self.columns)


def coverage(days: int = 31, **fields: Any) -> Any:
    """Give ``recording_coverage`` by day over a month, with a weekly trend."""
    first = date(2026, 10, 1)
    rows = [_day((first + timedelta(n)).isoformat(), n) for n in range(days)]
    weeks = [_day((date(2026, 8, 3) + timedelta(weeks=n)).isoformat(), n * 3 + 1) for n in range(13)]
    frame = pd.DataFrame(rows)
    trend = pd.DataFrame(weeks).rename(columns={"day": "week"})
    asked = question.Question(calendar.period("2026-10-01", (first + timedelta(days)).isoformat(), ZONE), ("day",))
    made = {"position": 48_213, "frame": frame, "header": EVIDENCE, "trend": trend, **fields}
    return Made("recording_coverage", asked, columns=_columns(frame), **made)


def _day(day: str, number: int) -> dict[str, Any]:
    judged = 0 if number % 7 == 2 else 180 + 37 * (number % 5)
    unrecorded = judged // 40 if number == 12 else number % 3 // 2 * min(1, judged)
    unknown, inferred = min(judged, number % 2), min(judged, number % 4)
    full = max(0, judged - unrecorded - unknown - inferred)
    talk = judged * 184_337
    parts = {
        "inferred_ms": inferred * 151_000,
        "unknown_ms": unknown * 93_211,
        "uncovered_ms": unrecorded * 201_003 + judged * 112,
    }
    confirmed = max(0, talk - sum(parts.values()))
    counts = {"eligible_count": judged, "judged_count": judged, "full_count": full, "full_inferred_count": inferred}
    counts |= {"unknown_count": unknown, "unrecorded_count": unrecorded, "partial_count": 0, "pending_count": 0}
    rates = {key: values[0] for key, values in _rates(full, full + inferred, judged).items()}
    shares = {
        "time_low_share": ratios.share(confirmed, talk),
        "time_mid_share": ratios.share(confirmed + parts["inferred_ms"], talk),
        "time_high_share": ratios.share(talk - parts["uncovered_ms"], talk),
    }
    return {"day": day, **counts, **rates, "talk_ms": talk, "confirmed_ms": confirmed, **parts, **shares}


def _rates(strict: int, usual: int, judged: int) -> dict[str, list[float]]:
    return {**ratios.rate([strict], [judged], "strict"), **ratios.rate([usual], [judged], "usual")}


def exceptions(count: int = 40) -> Any:
    """Give ``coverage_exceptions`` of a week."""
    verdicts = ("partial", "unknown", "unrecorded", "full_inferred", "partial_track")
    rows = [
        {
            "call_leg_id": f"leg-{n:04}-<b>&\"'",
            "answered_at": f"2026-10-{1 + n % 7:02}T09:{n % 60:02}:11.000000+01:00",
            "talk_ms": 61_000 * (n + 1),
            "verdict": verdicts[n % len(verdicts)],
            "failure_cause_raw": "=HYPERLINK(1)" if n % 2 else None,
            "positions": ",".join(str(position) for position in range(n, n + 9)),
        }
        for n in range(count)
    ]
    frame = pd.DataFrame(rows).astype({"failure_cause_raw": "str"})
    asked = question.Question(calendar.period("2026-10-01", "2026-10-08", ZONE), ())
    return Made("coverage_exceptions", asked, position=7, columns=_columns(frame), frame=frame)


def _columns(frame: pd.DataFrame) -> tuple[Column, ...]:
    return tuple(Column(str(name), _kind(str(name)), f"What {name} is.") for name in frame.columns)


def _kind(name: str) -> Kind:
    ends = {"_count": Kind.COUNT, "_ms": Kind.MILLISECONDS, "_high_share": Kind.BAD_RATIO, "_share": Kind.GOOD_RATIO}
    ends |= {"_high_95": Kind.BAD_RATIO, "_low_95": Kind.GOOD_RATIO, "_rate": Kind.GOOD_RATIO}
    return next((kind for end, kind in ends.items() if name.endswith(end)), Kind.TEXT)
