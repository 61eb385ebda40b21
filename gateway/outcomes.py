"""What an answer of Telnyx says of a command: that it was taken, that it was refused, or nothing of either."""

from dataclasses import dataclass
from typing import Any

from gateway import checking, record
from gateway.errors import Refused, refused
from gateway.upstream import Answer

TOO_MANY = 429
REQUEST_TIMEOUT = 408
REDIRECTS, REFUSALS = 300, 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state a command came to, and what is said of it on the record. ``answer`` is the caller's.

    ``done_nothing``: it is sure that nothing was done, and that asking anew may help.
    """

    event_type: str
    said: dict[str, Any]
    answer: Answer
    done_nothing: bool = False


def read(answer: Answer) -> Outcome:
    """Read an answer. One of 5xx or 408 says nothing of whether it was done, so an SDK must not repeat it."""
    status = answer.status
    if status >= 500 or status == REQUEST_TIMEOUT:
        return Outcome(record.IN_DOUBT, {"reason": "server_error", "http_status": status}, _told_not_to_repeat(answer))
    if REDIRECTS <= status < REFUSALS:
        # Who followed it would send the command past the gateway.
        said = {"reason": "redirected", "http_status": status}
        return Outcome(
            record.IN_DOUBT, said, answered(in_doubt("Telnyx answered with a redirection, which it never does."))
        )
    if status >= REFUSALS:
        said = {"by": "telnyx", "reason": None, "http_status": status, **_first_error(answer.content)}
        return Outcome(record.REFUSED, said, answer, done_nothing=status == TOO_MANY)
    return Outcome(record.ACCEPTED, {"http_status": status, "call": _call_in(answer.content)}, answer)


def unanswered(reason: str) -> Outcome:
    """Give the outcome of a command that no answer came to."""
    refusal = in_doubt("Telnyx did not answer: whether it was done is not known.")
    return Outcome(record.IN_DOUBT, {"reason": reason, "http_status": None}, answered(refusal))


def not_sent() -> Outcome:
    """Give the outcome of a command that never left."""
    said = {"by": "gateway", "reason": "upstream_unreachable", "http_status": None}
    return Outcome(record.REFUSED, said, answered(unreachable()), done_nothing=True)


def answered(refusal: Refused) -> Answer:
    """Give a refusal as the answer it is."""
    return Answer(refusal.status, refusal.headers, refusal.body)


def unreachable() -> Refused:
    """Refuse what cannot be sent."""
    return refused(503, "upstream_unreachable", "10037", "Telnyx cannot be reached; nothing was sent.", may_repeat=True)


def in_doubt(detail: str) -> Refused:
    """Say that it is not known whether it was done."""
    return refused(504, "in_doubt", "10007", f"{detail} It is not sent again; the record will say what came of it.")


def _first_error(body: bytes) -> dict[str, str | None]:
    try:
        first = checking.read(body)["errors"][0]
        return {"error_code": record.text(str(first["code"])), "error_title": record.text(str(first.get("title")))}
    except (Refused, LookupError, TypeError, AttributeError):
        return {"error_code": None, "error_title": None}


def _call_in(body: bytes) -> dict[str, str] | None:
    """Give the ids of a new call from the answer that made it; None where it made none."""
    try:
        data = checking.read(body)["data"]
        names = ("call_control_id", "call_leg_id", "call_session_id")
        return {name: data[name] for name in names if isinstance(data.get(name), str)} or None
    except (Refused, LookupError, TypeError, AttributeError):
        return None


def _told_not_to_repeat(answer: Answer) -> Answer:
    kept = [(name, value) for name, value in answer.headers if name != b"x-should-retry"]
    return Answer(answer.status, [*kept, (b"x-should-retry", b"false")], answer.body)
