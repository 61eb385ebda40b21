"""The reports' figures, counted from the true rows.

Days are UTC days of a row's start (else its end). A rate is given as numerator and denominator with what was
left out; nothing is divided here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from simulator.truth import TrueRefer, TrueSiprec, Truth, tally

_NEVER_STARTED = "failed"
_UNDECIDED = ("unconfirmed_call_ended", "unconfirmed_timeout", "superseded_no_terminal")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiprecSessions:
    """SIPREC of one connection on one UTC day. ``durations_us``: the known ones of sessions, ascending."""

    connection_id: str
    utc_day: str
    sessions: int
    failed_attempts: int
    by_status: Mapping[str, int]
    durations_us: tuple[int, ...]

    @property
    def total_us(self) -> int:
        """Sum of the known durations."""
        return sum(self.durations_us)

    def quantile_us(self, percent: int) -> int | None:
        """Give the nearest-rank quantile: the least duration that ``percent`` of them do not exceed."""
        rank = -(-percent * len(self.durations_us) // 100)
        return self.durations_us[max(rank, 1) - 1] if self.durations_us else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferOutcomes:
    """Transfers of one connection. ``unconfirmed`` are all those decided without a terminal event."""

    connection_id: str
    attempts: int
    completed: int
    pending: int
    unconfirmed: int
    by_outcome: Mapping[str, int]
    by_code: Mapping[tuple[str, int | None], int]
    times_to_terminal_us: tuple[int, ...]

    @property
    def decided(self) -> int:
        """The denominator of the success rate."""
        return self.attempts - self.pending - self.unconfirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the reports must say of the whole simulation."""

    siprec_sessions: tuple[SiprecSessions, ...]
    refer_outcomes: tuple[ReferOutcomes, ...]
    failure_causes: Mapping[tuple[str | None, str | None], int] = field(
        default_factory=dict[tuple[str | None, str | None], int]
    )
    """(normal name, text as received) -> SIPREC attempts and sessions that failed with it."""
    hangup_causes: Mapping[str, int] = field(default_factory=dict[str, int])
    """hangup_cause as received -> legs that ended without an answer."""


def answers(truth: Truth) -> Answers:
    """Count the reports' figures."""
    broke = [row for row in truth.siprec_sessions() if row.status.startswith("failed")]
    unanswered = [leg for leg in truth.legs() if leg.status == "ended_unanswered"]
    return Answers(
        siprec_sessions=_siprec(truth.siprec_sessions()),
        refer_outcomes=_refers(truth.refer_attempts()),
        failure_causes=dict(Counter((row.cause_name, row.cause_raw) for row in broke)),
        hangup_causes=tally(str(leg.hangup_cause) for leg in unanswered),
    )


def _siprec(rows: Iterable[TrueSiprec]) -> tuple[SiprecSessions, ...]:
    groups: defaultdict[tuple[str, str], list[TrueSiprec]] = defaultdict(list)
    for row in rows:
        groups[row.connection_id, row.utc_day].append(row)
    return tuple(_siprec_group(*key, groups[key]) for key in sorted(groups))


def _siprec_group(connection_id: str, utc_day: str, rows: list[TrueSiprec]) -> SiprecSessions:
    sessions = [row for row in rows if row.status != _NEVER_STARTED]
    return SiprecSessions(
        connection_id=connection_id,
        utc_day=utc_day,
        sessions=len(sessions),
        failed_attempts=len(rows) - len(sessions),
        by_status=tally(row.status for row in rows),
        durations_us=tuple(sorted(row.duration_us for row in sessions if row.duration_us is not None)),
    )


def _refers(rows: Iterable[TrueRefer]) -> tuple[ReferOutcomes, ...]:
    groups: defaultdict[str, list[TrueRefer]] = defaultdict(list)
    for row in rows:
        groups[row.connection_id].append(row)
    return tuple(_refer_group(key, groups[key]) for key in sorted(groups))


def _refer_group(connection_id: str, rows: list[TrueRefer]) -> ReferOutcomes:
    outcomes = tally(row.outcome for row in rows)
    times = [row.terminal_at - row.started_at for row in rows if row.terminal_at is not None]
    return ReferOutcomes(
        connection_id=connection_id,
        attempts=len(rows),
        completed=outcomes.get("completed", 0),
        pending=outcomes.get("pending", 0),
        unconfirmed=sum(outcomes.get(outcome, 0) for outcome in _UNDECIDED),
        by_outcome=outcomes,
        by_code=dict(Counter((row.outcome, row.final_code) for row in rows)),
        times_to_terminal_us=tuple(sorted(times)),
    )
