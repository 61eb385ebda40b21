"""What transfers do: REFER attempts that complete, are refused, repeat or stay without a word.

Code and outcome stand side by side as the domain's table 3.3 has them, written down by hand.
"""

from collections.abc import Mapping
from typing import Any

from calls.instants import Instant
from simulator.script import LegScript
from simulator.truth import TrueRefer
from simulator.webhooks import Mark

REFUSALS: tuple[tuple[int | None, str], ...] = (
    (603, "declined"),
    (486, "target_busy"),
    (480, "target_no_answer_or_timeout"),
    (404, "target_not_found"),
    (503, "target_or_network_error"),
    (603, "declined"),
    (403, "target_forbidden"),
    (486, "target_busy"),
    (488, "not_supported"),
    (None, "failed_unspecified"),
    (480, "target_no_answer_or_timeout"),
    (302, "redirected"),
    (603, "declined"),
    (408, "target_no_answer_or_timeout"),
    (500, "target_or_network_error"),
    (404, "target_not_found"),
    (487, "cancelled"),
    (481, "dialog_lost"),
    (0, "failed_unspecified"),
    (486, "target_busy"),
    (410, "target_not_found"),
    (504, "target_no_answer_or_timeout"),
    (600, "target_busy"),
    (407, "target_forbidden"),
    (503, "target_or_network_error"),
    (400, "rejected_other"),
    (607, "rejected_global"),
)
"""Code and outcome, in the order they are dealt."""


def _tell(
    leg: LegScript, step: str, at: Instant, code: int | None, mark: Mark | None = None, **data: Any
) -> Mapping[str, Any]:
    """Write one call.refer.* webhook and give its data."""
    event_type = f"call.refer.{step}"
    payload = {**leg.common(event_type), "sip_notify_response": code}
    return leg.emit_data(event_type, at, payload, mark, **data).data


def _row(leg: LegScript, outcome: str, begin: Instant, end: Instant | None, **more: Any) -> None:
    """Note the true row, and what it means for recording: a conversation may go on where nobody here hears it."""
    if outcome == "completed":
        leg.notes.flags.add("left_observability_after_refer")
    if outcome.startswith("unconfirmed_"):
        leg.notes.flags.add("may_have_left_observability")
    connection_id = leg.call.connection.connection_id
    flags = more.pop("flags", () if end is not None else ("terminal_missing",))
    row = TrueRefer(
        call_leg_id=leg.leg_id,
        connection_id=connection_id,
        outcome=outcome,
        started_at=begin,
        terminal_at=end,
        flags=flags,
        **more,
    )
    leg.call.refers.append(row)


def _end_call_after(leg: LegScript, moment: Instant) -> None:
    """End the leg shortly after its transfer went through, as a transferor's leg does."""
    leg.ends = leg.later(moment, 100, 1_500)


def _asked(leg: LegScript, low: float = 0.5, high: float = 0.7) -> Instant:
    """Ask for a transfer within these shares of the talk time, and give the moment."""
    begin = leg.at_share(low, high)
    _tell(leg, "started", begin, 100)
    return begin


def complete(leg: LegScript, begin: Instant | None = None, code: int = 200, **more: Any) -> None:
    """Transfer at the first try."""
    begin = _asked(leg) if begin is None else begin
    end = leg.later(begin, 1_500, 9_000)
    _tell(leg, "completed", end, code)
    flags = () if code == 200 else ("notify_2xx_not_200",)
    _row(leg, "completed", begin, end, final_code=code, flags=flags, **more)
    _end_call_after(leg, end)


def complete_with_202(leg: LegScript) -> None:
    """Transfer, told with the code that only means "accepted"."""
    complete(leg, code=202)


def refuse(leg: LegScript) -> Instant:
    """Have a transfer refused, the call goes on; give the moment of the refusal."""
    begin, (code, outcome) = _asked(leg), leg.call.world.deal("transfer refusals", REFUSALS)
    end = leg.later(begin, 400, 6_000)
    _tell(leg, "failed", end, code)
    _row(leg, outcome, begin, end, final_code=code)
    return end


def retry(leg: LegScript) -> None:
    """Have a transfer refused and the next one completed."""
    begin = leg.later(refuse(leg), 400, 2_000)
    _tell(leg, "started", begin, 100)
    complete(leg, begin)


def progress(leg: LegScript) -> None:
    """Transfer with a ringing target: a second started with 180 is the same attempt."""
    begin = _asked(leg)
    ringing = leg.later(begin, 300, 1_200)
    _tell(leg, "started", ringing, 180)
    complete(leg, begin, last_provisional=180)


def supersede(leg: LegScript) -> None:
    """Ask twice, hear of the second attempt only."""
    first = _asked(leg, 0.3, 0.4)
    _row(leg, "superseded_no_terminal", first, None)
    second = leg.later(first, 2_000, 6_000)
    _tell(leg, "started", second, 100)
    complete(leg, second)


def say_nothing(leg: LegScript) -> None:
    """Transfer and hear nothing more than the hangup."""
    begin = _asked(leg)
    _row(leg, "unconfirmed_call_ended", begin, None)
    _end_call_after(leg, leg.later(begin, 1_000, 4_000))


def time_out(leg: LegScript) -> None:
    """Transfer a leg of which nothing more is heard, no hangup either."""
    _row(leg, "unconfirmed_timeout", _asked(leg), None)


def contradict(leg: LegScript) -> None:
    """Fail a transfer with a code of success: the type of the event outranks it."""
    begin = _asked(leg)
    end = leg.later(begin, 400, 6_000)
    _tell(leg, "failed", end, 200)
    _row(leg, "failed_unspecified", begin, end, final_code=200, flags=("event_code_conflict",))


def share_id(leg: LegScript) -> None:
    """Fail a transfer under the id of its start, as the published examples do: a conflict, both count."""
    begin = leg.at_share(0.5, 0.7)
    end = leg.later(begin, 400, 6_000)
    data = _tell(leg, "started", begin, 100)
    _tell(leg, "failed", end, 603, Mark.ID_CONFLICT, id=data["id"])
    _row(leg, "declined", begin, end, final_code=603)
