"""What an answer says of a command, and what it does not."""

import gzip

import pytest

from gateway import outcomes, record
from gateway.upstream import Answer

ENDED = b'{"errors":[{"code":"90018","title":"Call has already ended","detail":"secret 1234"}]}'


def read(status: int, body: bytes = b"", *headers: tuple[bytes, bytes]) -> outcomes.Outcome:
    """Read an answer of Telnyx."""
    return outcomes.read(Answer(status, headers, body))


def test_a_success_was_accepted_and_names_a_new_call() -> None:
    """200 is a promise: it says accepted, and no more."""
    body = b'{"data":{"call_control_id":"v3:x","call_leg_id":"l","call_session_id":"s","is_alive":false}}'
    outcome = read(200, body)
    named = {"call_control_id": "v3:x", "call_leg_id": "l", "call_session_id": "s"}
    assert (outcome.event_type, outcome.said) == (record.ACCEPTED, {"http_status": 200, "call": named})


@pytest.mark.parametrize("status", [301, 307, 308])
def test_a_redirection_says_nothing_and_is_not_passed_on(status: int) -> None:
    """Who followed it would send the command past the gateway."""
    outcome = read(status, b"", (b"location", b"https://elsewhere.test/"))
    assert (outcome.event_type, outcome.said["reason"]) == (record.IN_DOUBT, "redirected")
    assert outcome.answer.status == 504
    assert b"location" not in dict(outcome.answer.headers)


def test_a_compressed_answer_is_read_and_passed_on_as_it_came() -> None:
    """Its code is on record; what is not what it says it is has none."""
    packed = gzip.compress(ENDED)
    outcome = read(422, packed, (b"content-encoding", b"gzip"))
    assert (outcome.said["error_code"], outcome.answer.body) == ("90018", packed)
    assert read(422, ENDED, (b"content-encoding", b"gzip")).said["error_code"] is None


def test_a_refusal_keeps_code_and_title_and_no_detail() -> None:
    """A detail may repeat what was sent."""
    outcome = read(422, ENDED)
    assert outcome.event_type == record.REFUSED
    assert (outcome.said["error_code"], outcome.said["error_title"]) == ("90018", "Call has already ended")
    assert "1234" not in str(outcome.said)
    assert outcome.answer.body == ENDED


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_server_error_leaves_it_in_doubt_and_is_not_to_be_repeated(status: int) -> None:
    """An SDK would repeat it by itself; it is told not to, whatever the upstream said of that."""
    outcome = read(status, b"", (b"x-should-retry", b"true"), (b"x-other", b"1"))
    assert (outcome.event_type, outcome.done_nothing) == (record.IN_DOUBT, False)
    assert [value for name, value in outcome.answer.headers if name == b"x-should-retry"] == [b"false"]
    assert (b"x-other", b"1") in outcome.answer.headers


def test_too_many_requests_did_nothing() -> None:
    """It may be asked for anew, as Telnyx says."""
    outcome = read(429, b'{"errors":[{"code":"10011","title":"Too many requests"}]}', (b"retry-after", b"1"))
    assert (outcome.event_type, outcome.done_nothing) == (record.REFUSED, True)
    assert (b"retry-after", b"1") in outcome.answer.headers


def test_what_never_left_may_be_repeated_and_what_got_no_answer_may_not() -> None:
    """The one did nothing, of the other nobody knows."""
    never, doubt = outcomes.not_sent(), outcomes.unanswered("no_answer")
    assert (never.event_type, never.done_nothing, never.answer.status) == (record.REFUSED, True, 503)
    assert (doubt.event_type, doubt.done_nothing, doubt.answer.status) == (record.IN_DOUBT, False, 504)
    assert (b"x-should-retry", b"true") in never.answer.headers
    assert (b"x-should-retry", b"false") in doubt.answer.headers


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"errors":[]}', b'{"errors":[5]}', b"\xff", b'{"data":7}'])
@pytest.mark.parametrize("status", [200, 404])
def test_any_body_is_read(status: int, body: bytes) -> None:
    """Telnyx, or what stands before it, may answer anything."""
    assert read(status, body).said["http_status"] == status
