"""What recorders do: SIPREC sessions that run, are refused, break or lose a webhook, each with its true row.

The pairs of cause text and normal name are written down here by hand: they are the truth the cause tables
are compared with.
"""

from dataclasses import dataclass
from typing import Any

from calls.instants import SECOND, Instant
from simulator.script import LegScript
from simulator.truth import TrueSiprec
from simulator.webhooks import Mark, Webhook


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause as a webhook carries it, and the name it normalises to (None: absent)."""

    raw: Any
    name: str | None


NORMAL = Cause("normal_clearing", "NORMAL_CLEARING")
ABSENT = Cause(None, None)
BROKEN = (
    *[Cause("user_busy", "USER_BUSY")] * 5,
    *[Cause("normal_temporary_failure", "NORMAL_TEMPORARY_FAILURE")] * 4,
    *[Cause("recovery_on_timer_expire", "RECOVERY_ON_TIMER_EXPIRE")] * 3,
    Cause("no_answer", "NO_ANSWER"),
)
"""What a recorder that has broken down answers."""

REFUSALS = (
    Cause("user_busy", "USER_BUSY"),
    Cause("no_answer", "NO_ANSWER"),
    Cause("normal_temporary_failure", "NORMAL_TEMPORARY_FAILURE"),
    Cause("recovery_on_timer_expire", "RECOVERY_ON_TIMER_EXPIRE"),
    Cause("no_answer", "NO_ANSWER"),
    Cause("call_rejected", "CALL_REJECTED"),
    Cause("user_busy", "USER_BUSY"),
    Cause("recorder out of tape", "UNKNOWN"),
    Cause("no_user_response", "NO_USER_RESPONSE"),
    Cause("no-answer", "NO_ANSWER"),
    Cause("network_out_of_order", "NETWORK_OUT_OF_ORDER"),
    ABSENT,
    Cause("normal_temporary_failure", "NORMAL_TEMPORARY_FAILURE"),
    Cause("incompatible_destination", "INCOMPATIBLE_DESTINATION"),
    Cause("USER_BUSY", "USER_BUSY"),
    Cause("decline", "DECLINE"),
    Cause("no_answer", "NO_ANSWER"),
    Cause("interworking", "INTERWORKING"),
    Cause("17", "USER_BUSY"),
    Cause('Q.850;cause=41;text="NORMAL_TEMPORARY_FAILURE"', "NORMAL_TEMPORARY_FAILURE"),
)
"""What a healthy recorder may still answer, in every spelling met so far and in the order they are dealt."""

BREAKS = (
    Cause("media_timeout", "MEDIA_TIMEOUT"),
    Cause("recovery_on_timer_expire", "RECOVERY_ON_TIMER_EXPIRE"),
    Cause("normal_temporary_failure", "NORMAL_TEMPORARY_FAILURE"),
)
"""How a running session ends too early."""

_MEDIA_LOST = ("MEDIA_TIMEOUT", "RECOVERY_ON_TIMER_EXPIRE")
_ATTEMPTS_MAX = 5


def record_over_one_another(leg: LegScript) -> None:
    """Start a second session while the first one runs, and stop both: what both recorded counts once."""
    first, second = first_start(leg), leg.at_share(0.2, 0.4)
    handed_over = leg.at_share(0.5, 0.7)
    for begin in (first, second):
        started(leg, begin)
    for end in (handed_over, leg.ends):
        stopped(leg, end)
    leg.notes.recorded(first, handed_over)
    leg.notes.recorded(second, leg.ends)
    _row(leg, "stopped", first, handed_over, NORMAL)
    _row(leg, "stopped", second, leg.ends, NORMAL, "overlaps_open_session")


def blink(leg: LegScript) -> None:
    """Stop and start again within what is tolerated."""
    pause = leg.at_share(0.3, 0.6)
    session(leg, first_start(leg), pause)
    session(leg, leg.later(pause, 20, 1_000), leg.ends)


def start_late(leg: LegScript) -> None:
    """Ask for recording only some time after the answer, at times too late to count as full."""
    session(leg, leg.later(leg.answered, 4_900, 5_100), leg.ends)


def stop_just_before(leg: LegScript) -> None:
    """Stop about as long before the hangup as is tolerated."""
    session(leg, first_start(leg), leg.later(leg.ends, -2_100, -1_900))


def started(leg: LegScript, at: Instant, mark: Mark | None = None) -> Webhook:
    """Write siprec.started."""
    return leg.emit("siprec.started", at, mark)


def stopped(leg: LegScript, at: Instant, cause: Cause = NORMAL) -> None:
    """Write siprec.stopped."""
    leg.emit("siprec.stopped", at, hangup_cause=cause.raw)


def failed(leg: LegScript, at: Instant, cause: Cause) -> None:
    """Write siprec.failed."""
    leg.emit("siprec.failed", at, failure_cause=cause.raw)


def _row(
    leg: LegScript,
    status: str,
    begin: Instant | None,
    end: Instant | None,
    cause: Cause = ABSENT,
    *flags: str,
) -> None:
    """Note the true row; a duration is known where both ends are."""
    leg.notes.siprec = True
    if status.startswith("failed"):
        leg.notes.told_failure = True
    if begin is not None and cause.name in _MEDIA_LOST:
        flags = (*flags, "media_lost_before_end")
    row = TrueSiprec(
        call_leg_id=leg.leg_id,
        connection_id=leg.call.connection.connection_id,
        status=status,
        started_at=begin,
        ended_at=end,
        duration_us=0 if status == "failed" else end - begin if begin is not None and end is not None else None,
        cause_raw=cause.raw,
        cause_name=cause.name,
        flags=flags,
    )
    leg.call.siprec.append(row)


def session(leg: LegScript, begin: Instant, end: Instant, cause: Cause = NORMAL) -> None:
    """Run a session from one moment to another, both told."""
    started(leg, begin)
    stopped(leg, end, cause)
    leg.notes.recorded(begin, end)
    _row(leg, "stopped", begin, end, cause, *(["stop_after_hangup"] if end > leg.ends else []))


def attempt_failed(leg: LegScript, at: Instant, cause: Cause) -> None:
    """Have an attempt refused: a row of its own, zero long."""
    failed(leg, at, cause)
    leg.notes.refused(at)
    _row(leg, "failed", None, at, cause)


def _refusal(leg: LegScript) -> Cause:
    return leg.call.world.deal("recorder refusals", REFUSALS)


def first_start(leg: LegScript) -> Instant:
    """Give the moment at which recording is first asked for: just after the answer."""
    return leg.later(leg.answered, 200, 1_200)


def _last_stop(leg: LegScript) -> Instant:
    """Give a stop at the hangup (mostly at the same instant) or a little before it."""
    return leg.ends if leg.rng.random() < 0.6 else leg.later(leg.ends, -400, -20)


def is_broken(leg: LegScript, at: Instant) -> bool:
    """Say whether the leg's recorder is down at this moment."""
    down = leg.call.world.breakdown
    ours = down.connection_id == leg.call.connection.connection_id
    return ours and down.started_at <= at < down.ended_at


def record(leg: LegScript) -> None:
    """Record the whole call; while the recorder is down, ask again every 10 to 20 s, five times."""
    at = first_start(leg)
    for _ in range(_ATTEMPTS_MAX):
        if at > leg.ends - 5 * SECOND:
            return
        if not is_broken(leg, at):
            session(leg, at, _last_stop(leg))
            return
        attempt_failed(leg, at, leg.rng.choice(BROKEN))
        at = leg.later(at, 10_000, 20_000)


def record_after_retry(leg: LegScript) -> None:
    """Have the first attempts refused, the next one run to the end."""
    at = first_start(leg)
    for _ in range(leg.rng.choice((1, 1, 2))):
        attempt_failed(leg, at, _refusal(leg))
        at = leg.later(at, 1_500, 8_000)
    session(leg, at, _last_stop(leg))


def refuse(leg: LegScript) -> None:
    """Have every attempt of the call refused."""
    at = first_start(leg)
    for _ in range(leg.rng.choice((1, 2, 3))):
        attempt_failed(leg, at, _refusal(leg))
        at = leg.later(at, 2_000, 7_000)


def break_midway(leg: LegScript) -> Instant:
    """Fail a running session, and give the moment."""
    begin, end, cause = first_start(leg), leg.at_share(0.3, 0.6), leg.rng.choice(BREAKS)
    started(leg, begin)
    failed(leg, end, cause)
    leg.notes.recorded(begin, end)
    _row(leg, "failed_midway", begin, end, cause)
    return end


def break_and_resume(leg: LegScript) -> None:
    """Fail a running session and start another one after a gap."""
    session(leg, leg.later(break_midway(leg), 1_200, 5_000), leg.ends)


def break_then_stop(leg: LegScript) -> None:
    """Fail a running session and have the same session stopped too: which of the two ended it is in doubt."""
    begin, end, cause = first_start(leg), leg.at_share(0.3, 0.6), leg.rng.choice(BREAKS)
    started(leg, begin)
    failed(leg, end, cause)
    stopped(leg, leg.ends)
    leg.notes.recorded(begin, end)
    leg.notes.doubted(end, leg.ends)
    _row(leg, "failed_midway", begin, end, cause, "end_in_doubt")


def stop_early(leg: LegScript) -> None:
    """End a session before the call with a cause that is no normal one."""
    session(leg, first_start(leg), leg.at_share(0.5, 0.8), leg.rng.choice(BREAKS))


def restart(leg: LegScript) -> None:
    """Stop and start again after a gap."""
    pause = leg.at_share(0.3, 0.6)
    session(leg, first_start(leg), pause)
    session(leg, leg.later(pause, 1_500, 6_000), _last_stop(leg))


def lose_stop(leg: LegScript) -> None:
    """Record to the end and lose the stop: only the hangup tells when it ended, if there is one."""
    begin = first_start(leg)
    started(leg, begin)
    leg.notes.inferred(begin, leg.ends)
    _row(leg, "closed_by_hangup", begin, leg.ends, ABSENT, "stop_missing")


def never_end(leg: LegScript) -> None:
    """Record a leg of which nothing more is heard."""
    begin = first_start(leg)
    started(leg, begin)
    leg.notes.doubted(begin, leg.ends)
    _row(leg, "stale_open", begin, None)


def lose_start(leg: LegScript) -> None:
    """Record to the end and lose the start."""
    stopped(leg, leg.ends)
    leg.notes.doubted(leg.answered, leg.ends)
    _row(leg, "stopped_without_start", None, leg.ends, NORMAL, "start_missing")


def stop_late(leg: LegScript) -> None:
    """Have the stop stamped after the hangup."""
    session(leg, first_start(leg), leg.later(leg.ends, 100, 1_500))


def start_twice_told(leg: LegScript) -> None:
    """Tell one start under two event ids: a semantic duplicate, and still one session."""
    begin = first_start(leg)
    started(leg, begin)
    started(leg, begin, Mark.SEMANTIC_DUPLICATE)
    stopped(leg, leg.ends)
    leg.notes.recorded(begin, leg.ends)
    _row(leg, "stopped", begin, leg.ends, NORMAL)


def record_with_alias(leg: LegScript) -> None:
    """Record under the type names that third-party documents give; one session like any other."""
    dotted = leg.rng.random() < 0.5
    begin = first_start(leg)
    alias = "call.siprec.{}" if dotted else "call_siprec_{}"
    leg.emit(alias.format("started"), begin, Mark.ALIASED_TYPE)
    leg.emit(alias.format("stopped"), leg.ends, Mark.ALIASED_TYPE, hangup_cause=NORMAL.raw)
    leg.notes.recorded(begin, leg.ends)
    _row(leg, "stopped", begin, leg.ends, NORMAL)


def refuse_with_alias(leg: LegScript) -> None:
    """Refuse under an alias."""
    at, cause = first_start(leg), _refusal(leg)
    leg.emit("call.siprec.failed", at, Mark.ALIASED_TYPE, failure_cause=cause.raw)
    leg.notes.refused(at)
    _row(leg, "failed", None, at, cause)
