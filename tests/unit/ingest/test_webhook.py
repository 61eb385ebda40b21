"""The endpoint's answers, request by request, with nothing between the test and the application."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import addresses, errors, keys, webhook
from store.errors import LogUnavailable
from tests.unit.ingest import door
from tests.unit.ingest.door import EVENT, Door


def test_genuine_delivery_is_answered_200_and_kept() -> None:
    """Exactly 200: Telnyx treats every other 2xx as a failure."""
    visited = Door()
    answer = visited.post()
    assert (answer.status, answer.body) == (200, b'{"status":"recorded"}')
    assert answer.headers[b"content-type"] == b"application/json"
    (entry,) = visited.log.entries
    assert entry.body == EVENT
    assert (entry.source, entry.event_id, entry.call_leg_id) == ("webhook", "event-1", "leg-1")
    assert entry.received_us == door.NOW_SECONDS * 1_000_000 + 500_000
    assert entry.signed_timestamp == str(door.NOW_SECONDS)
    assert entry.key_id == keys.public_keys(door.PUBLIC_KEY)[0].key_id
    assert door.SIGNING_KEY.verify_key.verify(b"%d|" % door.NOW_SECONDS + entry.body, entry.signature)
    assert visited.refused_ == []


def test_redelivery_is_answered_200() -> None:
    """Telnyx must not repeat what is in the log already."""
    visited = Door()
    assert [visited.post().status for _ in range(3)] == [200, 200, 200]
    assert len(visited.log.entries) == 1


def test_answer_waits_for_the_log() -> None:
    """Nothing is answered while the entry is not on disk."""

    async def run() -> None:
        visited = Door(door.Log(gate=asyncio.Event()))
        headers = [(name.encode(), value.encode()) for name, value in door.signed(EVENT).items()]
        answering = asyncio.create_task(visited.answer(headers, [EVENT]))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not answering.done()
        assert visited.log.gate is not None
        visited.log.gate.set()
        assert (await answering).status == 200

    asyncio.run(run())


def test_body_in_pieces_is_verified_whole() -> None:
    """The signature is over all the bytes, however they arrive."""
    headers = [(name.encode(), value.encode()) for name, value in door.signed(EVENT).items()]
    pieces = [EVENT[:10], b"", EVENT[10:]]
    assert asyncio.run(Door().answer(headers, pieces)).status == 200


REFUSALS: dict[str, tuple[dict[str, Any], int]] = {
    "signature_missing": ({"telnyx-signature-ed25519": None}, 401),
    "signature_malformed": ({"telnyx-signature-ed25519": "!"}, 401),
    "timestamp_missing": ({"telnyx-timestamp": None}, 401),
    "timestamp_malformed": ({"telnyx-timestamp": f"{door.NOW_SECONDS}000"}, 401),
    "timestamp_outside_tolerance": ({"telnyx-timestamp": str(door.NOW_SECONDS - 301)}, 401),
    "body_too_large": ({"content-length": str(webhook.BODY_BYTES_MAX_DEFAULT + 1)}, 413),
    "content_type_unsupported": ({"content-type": "text/xml"}, 415),
    "content_encoding_unsupported": ({"content-encoding": "gzip"}, 415),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_refusal_by_headers_reads_no_body(reason: str) -> None:
    """What the headers tell is answered at once, with its reason, and noted."""
    changed, status = REFUSALS[reason]
    given = {**door.signed(EVENT), **changed}
    headers = [(name.encode(), value.encode()) for name, value in given.items() if value is not None]
    visited = Door()
    answer = asyncio.run(visited.answer(headers, None))
    assert (answer.status, answer.problem["reason"], answer.problem["status"]) == (status, reason, status)
    assert set(answer.problem) == {"type", "title", "status", "reason"}
    assert visited.reasons == [reason]
    assert visited.log.entries == []


def test_foreign_signature_is_refused_with_the_body_noted() -> None:
    """A body that Telnyx did not sign is refused, kept apart for people to look at, and never in the log."""
    visited = Door()
    answer = visited.post(headers={"telnyx-signature-ed25519": door.signature(b"0", b"")})
    assert (answer.status, answer.problem["reason"]) == (401, "signature_mismatch")
    assert [body for _, body in visited.refused_] == [EVENT]
    assert visited.log.entries == []


@pytest.mark.parametrize("declared", ["9" * 5_000, str(2**70)])
def test_absurd_length_is_too_large(declared: str) -> None:
    """A length of thousands of digits is a refusal like any other, not more than int() takes."""
    assert Door().post(headers={"content-length": declared}).status == 413


@pytest.mark.parametrize("declared", ["", "-1", "0x10", "\xb2", "1.5"])
def test_length_that_is_none_is_not_believed(declared: str) -> None:
    """What the header says in another way than digits is left to the reading of the body."""
    assert Door().post(headers={"content-length": declared}).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_method_is_refused(method: str) -> None:
    """Only POST is taken: of a GET callback the signature would not cover the query."""
    answer = asyncio.run(Door().answer([], None, method=method))
    assert (answer.status, answer.headers[b"allow"]) == (405, b"POST")
    assert answer.problem["reason"] == "method_not_allowed"


def test_body_that_turns_out_too_large_is_refused() -> None:
    """Without a declared length, reading stops at the limit, and the limit itself is taken."""
    visited = Door(rules=door.trusting(body_bytes_max=len(EVENT)))
    headers = [(name.encode(), value.encode()) for name, value in door.signed(EVENT).items()]
    assert asyncio.run(visited.answer(headers, [EVENT[:50], EVENT[50:]])).status == 200
    answer = asyncio.run(visited.answer(headers, [EVENT, b"x", b"never read"]))
    assert (answer.status, answer.problem["reason"]) == (413, "body_too_large")


def test_body_that_does_not_arrive_in_time_is_refused() -> None:
    """Telnyx repeats what is answered 408; a slow stranger holds nothing open."""

    async def run() -> None:
        visited = Door(rules=door.trusting(body_seconds_max=0.01))
        headers = [(name.encode(), value.encode()) for name, value in door.signed(EVENT).items()]
        scope = {"type": "http", "method": "POST", "path": webhook.PATH, "headers": headers}
        sent: list[dict[str, Any]] = []
        began = [{"type": "http.request", "body": EVENT[:9], "more_body": True}]

        async def receive() -> dict[str, Any]:
            return began.pop() if began else await asyncio.Event().wait()  # type: ignore[return-value]

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await visited.endpoint(scope, receive, send)
        assert sent[0]["status"] == 408
        assert (b"connection", b"close") in sent[0]["headers"]
        assert [(refusal.reason, body) for refusal, body in visited.refused_] == [("body_timeout", EVENT[:9])]

    asyncio.run(run())


def test_bodies_under_way_are_bounded_together_and_small_ones_are_taken_all_the_same() -> None:
    """Strangers who send large bodies at once do not fill the memory, nor keep out what a webhook usually is."""

    async def run() -> None:
        visited = Door(rules=door.trusting(held_bytes_max=200_000))
        endpoint = visited.endpoint
        headers = [(name.encode(), value.encode()) for name, value in door.signed(EVENT).items()]
        scope = {"type": "http", "method": "POST", "path": webhook.PATH, "headers": headers}
        hung_up = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not held:
                held.append(b"x")
                return {"type": "http.request", "body": b"x" * 150_000, "more_body": True}
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            raise AssertionError(message)

        held: list[bytes] = []
        stranger = asyncio.create_task(endpoint(scope, receive, send))
        await asyncio.sleep(0)
        large = b" " * 100_000 + EVENT
        signed = [(name.encode(), value.encode()) for name, value in door.signed(large).items()]
        answer = await visited.answer(signed, [large], endpoint=endpoint)
        assert (answer.status, answer.problem["reason"]) == (503, "bodies_too_many")
        assert (await visited.answer(headers, [EVENT], endpoint=endpoint)).status == 200
        hung_up.set()
        await stranger
        assert (await visited.answer(signed, [large], endpoint=endpoint)).status == 200
        assert endpoint._held_bytes == 0

    asyncio.run(run())


def test_client_that_hangs_up_is_neither_kept_nor_answered() -> None:
    """Half a body is no delivery."""

    async def run() -> None:
        visited = Door()
        headers = [(name.encode(), value.encode()) for name, value in door.signed(EVENT).items()]
        messages = iter([{"type": "http.request", "body": EVENT, "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> dict[str, Any]:
            return next(messages)

        async def send(message: dict[str, Any]) -> None:
            raise AssertionError(message)

        await visited.endpoint({"method": "POST", "headers": headers}, receive, send)
        assert (visited.log.entries, visited.refused_) == ([], [])

    asyncio.run(run())


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/x-www-form-urlencoded",
    ],
)
def test_content_type_of_telnyx_is_taken(content_type: str | None) -> None:
    """JSON with or without a charset, forms of TeXML, and none at all."""
    assert Door().post(headers={"content-type": content_type}).status == 200


def test_address_that_is_refused_too_often_is_told_to_wait_and_genuine_deliveries_never_are() -> None:
    """Over the limit a refusal says no more than that; what Telnyx signed is taken from the same address all along."""
    visited = Door(rules=door.trusting(refusals_burst=2, refusals_per_second=0))
    endpoint = visited.endpoint
    unsigned = {"telnyx-signature-ed25519": None}
    forged = {"telnyx-signature-ed25519": door.signature(b"0", b"")}
    given: list[dict[str, Any]] = [unsigned, {}, forged, {}, unsigned, forged, {}]
    answers = [visited.post(headers=headers, endpoint=endpoint) for headers in given]

    assert [answer.status for answer in answers] == [401, 200, 401, 200, 429, 429, 200]
    assert visited.reasons == ["signature_missing", "signature_mismatch", "rate_limited", "rate_limited"]
    limited = answers[4]
    assert limited.problem["reason"] == "rate_limited"
    assert (limited.headers[b"retry-after"], limited.headers[b"connection"]) == (b"1", b"close")


def test_delivery_that_cannot_be_kept_now_takes_nothing_from_the_limit() -> None:
    """It was genuine: no outage of ours makes Telnyx an address that is refused too often."""
    visited = Door(door.Log(failure=LogUnavailable("gone")), door.trusting(refusals_burst=1, refusals_per_second=0))
    endpoint = visited.endpoint
    assert [visited.post(endpoint=endpoint).status for _ in range(3)] == [503] * 3
    unsigned: dict[str, Any] = {"telnyx-signature-ed25519": None}
    assert visited.post(headers=unsigned, endpoint=endpoint).status == 401


def test_refusals_are_of_whom_the_trusted_proxy_names() -> None:
    """Behind a proxy each sender has its own limit, and all of an IPv6 network one."""
    rules = door.trusting(refusals_burst=1, refusals_per_second=0, trusted_proxies=addresses.proxies("192.0.2.1"))
    visited = Door(rules=rules, peer="192.0.2.1")
    endpoint = visited.endpoint
    senders = ["198.51.100.1", "198.51.100.2", "2001:db8::1", "2001:db8::2", "x, 198.51.100.1"]
    statuses = [
        visited.post(headers={"telnyx-timestamp": None, "x-forwarded-for": sender}, endpoint=endpoint).status
        for sender in senders
    ]
    assert statuses == [401, 401, 401, 429, 429]
    assert visited.addresses == ["198.51.100.1", "198.51.100.2", "2001:db8::1", "2001:db8::2", "198.51.100.1"]


def test_log_that_cannot_take_it_is_answered_503() -> None:
    """Telnyx repeats what is answered 5xx, so nothing is lost; the reason is the store's."""
    visited = Door(door.Log(failure=LogUnavailable("gone")))
    answer = visited.post()
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")
    assert answer.problem["reason"] == "log_unavailable"


def test_event_that_is_none_is_kept_and_says_why() -> None:
    """Telnyx signed it, so it is evidence, whatever it is."""
    visited = Door()
    for body in (b"", b"\xff\xfe", b"[]", b"null", b'{"data":{}}', b"[" * 3_000):
        assert visited.post(body).status == 200
    reasons = [entry.quarantined for entry in visited.log.entries]
    assert reasons == ["not_json", "not_json", "not_an_object", "not_an_object", "event_type_missing", "not_json"]


def test_endpoint_without_a_key_refuses_to_be_made() -> None:
    """It never fails open."""
    with pytest.raises(errors.KeyRefused):
        webhook.Webhook(webhook.Rules(public_keys=()), door.Log(), Door(), door.BOX, lambda: 0)


@given(st.binary(max_size=200))
def test_any_signed_body_is_answered_200_and_stored_as_it_came(body: bytes) -> None:
    """Random bytes cannot hold what is masked by name, so they are kept to the byte."""
    visited = Door()
    assert visited.post(body).status == 200
    assert [entry.body for entry in visited.log.entries] == [body]


_NAMES = st.sampled_from(
    [
        b"telnyx-signature-ed25519",
        b"telnyx-timestamp",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"transfer-encoding",
    ]
) | st.binary(max_size=20)
_VALUES = st.sampled_from(
    [b"application/json", b"%d" % door.NOW_SECONDS, door.signature(b"1", b"").encode(), b"9" * 5_000]
) | st.binary(max_size=100)


@given(
    st.sampled_from(["POST", "POST", "POST", "GET", "TRACE", "", "Ü"]),
    st.lists(st.tuples(_NAMES, _VALUES), max_size=6),
    st.lists(st.binary(max_size=50), min_size=1, max_size=3),
)
def test_any_request_is_answered_with_a_reason(
    method: str, headers: list[tuple[bytes, bytes]], chunks: list[bytes]
) -> None:
    """Random methods, headers and bodies are refused by name; nothing is a crash, and nothing is let in."""
    visited = Door()
    answer = asyncio.run(visited.answer(headers, chunks, method=method))
    assert answer.status in {401, 405, 413, 415}
    assert answer.problem["reason"] == visited.reasons[0]
    assert visited.log.entries == []
