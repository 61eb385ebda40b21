"""Webhooks over HTTP, against the real server and a real Postgres: what is answered, and what is in the log then."""

import base64
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, LiteralString

import httpx
import orjson
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import VerifyKey
from psycopg import conninfo, sql

import simulator
from callaudit.postgres import Running
from ingest.strongbox import Strongbox
from store.append import REDELIVERIES_KEPT_MAX
from tests.acceptance import search, server
from tests.conftest import Database
from tests.integration.store import log

NEXT_KEY = simulator.key_from_seed("the next one")
STRANGER = simulator.key_from_seed("nobody's")
BODY_BYTES_MAX = 2 * 2**20
ATTEMPTS_MAX = 5
OLD, MUCH_TOO_OLD, EARLY = 295, 305, -305  # seconds; the tolerance is 300


@dataclass(frozen=True, slots=True)
class Place:
    """A server, its database and its home."""

    site: server.Site
    database: Database
    home: Path


@pytest.fixture(scope="module")
def place(clone: Callable[..., Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One server with two trusted keys for all tests that only post to it."""
    database, home = clone(), tmp_path_factory.mktemp("home")
    keys = f"now={server.KEY.public}, next={NEXT_KEY.public}"
    with server.serving(database, home, TELNYX_PUBLIC_KEY=keys) as site:
        yield Place(site, database, home)


_numbers = iter(range(10**9))


@pytest.fixture
def number() -> int:
    """Number an event that no other test posts."""
    return next(_numbers)


def test_a_genuine_webhook_is_answered_200_and_kept_as_it_came(place: Place, number: int) -> None:
    """The answer is exactly 200, and whoever has the public key can check the stored bytes."""
    body = server.webhook(number)
    answer = place.site.post(body)

    assert (answer.status_code, answer.json()) == (200, {"status": "recorded"})
    row = _event(place, number)
    assert (row["body"], row["source"], row["quarantined"], row["masked"]) == (body, "webhook", None, False)
    assert (row["event_type"], row["call_leg_id"]) == ("call.answered", f"leg-{number}")
    public = base64.b64decode(server.KEY.public)
    assert row["key_id"] == sha256(public).hexdigest()
    VerifyKey(public).verify(row["signed_timestamp"].encode() + b"|" + row["body"], row["signature"])


def test_a_redelivery_is_answered_200_and_no_second_event(place: Place, number: int) -> None:
    """Another attempt at the same event, which differs in ``meta`` only, is kept beside it."""
    first = place.site.post(server.webhook(number))
    again = place.site.post(server.webhook(number, attempt=2))

    assert (first.status_code, again.status_code) == (200, 200)
    position = _event(place, number)["position"]
    kept = [row for row in log.rows(place.database, "log.redeliveries") if row["position"] == position]
    assert [(row["attempt"], row["body"]) for row in kept] == [(2, server.webhook(number, attempt=2))]


def test_every_trusted_key_is_enough(place: Place, number: int) -> None:
    """While keys change, deliveries signed with either are taken, and the row says with which."""
    body = server.webhook(number)
    assert replace(place.site, key=NEXT_KEY).post(body).status_code == 200
    assert _event(place, number)["key_id"] == sha256(base64.b64decode(NEXT_KEY.public)).hexdigest()


def test_a_delivery_near_the_edge_of_the_tolerance_is_taken(place: Place, number: int) -> None:
    """Clocks differ: almost five minutes either way are allowed."""
    for age in (OLD, -OLD):
        body = server.webhook(number, age=age)
        assert place.site.post(body, place.site.signed(body, age)).status_code == 200


def test_keys_change_at_the_instant_that_the_settings_name(database: Database, tmp_path: Path) -> None:
    """What was signed before it must be signed with the old key, what was signed from it on with the new one."""
    change = int(time.time()) - 60
    at = f"{datetime.fromtimestamp(change, UTC).isoformat()}"
    keys = f"old={server.KEY.public}@2020-01-01/{at}, new={NEXT_KEY.public}@{at}/"
    with server.serving(database, tmp_path, TELNYX_PUBLIC_KEY=keys) as site:
        answers = {
            (name, seconds): site.post(body, {**key.sign(str(change + seconds), body)})
            for name, key in (("old", server.KEY), ("new", NEXT_KEY))
            for seconds in (-1, 0)
            for body in [server.webhook(seconds, key=name)]
        }

    assert {each: answer.status_code for each, answer in answers.items()} == {
        ("old", -1): 200,
        ("old", 0): 401,
        ("new", -1): 401,
        ("new", 0): 200,
    }
    assert answers["old", 0].json()["reason"] == "signature_mismatch"


def test_a_server_whose_keys_are_all_out_of_their_windows_says_so(database: Database, tmp_path: Path) -> None:
    """It refuses every webhook, which is safe, and most likely a mistake in the settings."""
    with server.serving(database, tmp_path, TELNYX_PUBLIC_KEY=f"{server.KEY.public}@2999-01-01/") as site:
        assert site.post(server.webhook(0)).status_code == 401
        assert any("no_public_key_in_force" in line for line in site.said)


BODY = server.webhook(0)
REFUSED: dict[str, tuple[str, Callable[[server.Site], dict[str, str | None]]]] = {
    "no signature": ("signature_missing", lambda _: {"telnyx-signature-ed25519": None}),
    "no timestamp": ("timestamp_missing", lambda _: {"telnyx-timestamp": None}),
    "empty signature": ("signature_malformed", lambda _: {"telnyx-signature-ed25519": ""}),
    "no base64": ("signature_malformed", lambda _: {"telnyx-signature-ed25519": "?" * 88}),
    "63 bytes": ("signature_malformed", lambda _: {"telnyx-signature-ed25519": "A" * 84}),
    "hex": ("signature_malformed", lambda _: {"telnyx-signature-ed25519": "ab" * 64}),
    "words": ("timestamp_malformed", lambda _: {"telnyx-timestamp": "yesterday"}),
    "milliseconds": ("timestamp_malformed", lambda _: {"telnyx-timestamp": str(time.time_ns() // 10**6)}),
    "negative": ("timestamp_malformed", lambda _: {"telnyx-timestamp": "-5"}),
    "too old": ("timestamp_outside_tolerance", lambda site: {**site.signed(BODY, MUCH_TOO_OLD)}),
    "too early": ("timestamp_outside_tolerance", lambda site: {**site.signed(BODY, EARLY)}),
    "another key": ("signature_mismatch", lambda site: {**replace(site, key=STRANGER).signed(BODY)}),
    "another body": ("signature_mismatch", lambda site: {**site.signed(BODY + b" ")}),
    "another time": (
        "signature_mismatch",
        lambda site: {**site.signed(BODY), "telnyx-timestamp": str(int(time.time()) + 1)},
    ),
    "zeros": (
        "signature_mismatch",
        lambda _: {"telnyx-signature-ed25519": base64.b64encode(bytes(64)).decode()},
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_delivery_that_proves_nothing_is_answered_401_with_the_reason(place: Place, why: str) -> None:
    """The answer says what is wrong, in the same few words every time, and nothing reaches the log."""
    before = log.value(place.database, "SELECT count(*) FROM log.events")
    reason, headers = REFUSED[why]
    answer = place.site.post(BODY, headers(place.site))

    assert (answer.status_code, answer.json()["reason"]) == (401, reason)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 401
    assert log.value(place.database, "SELECT count(*) FROM log.events") == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_answered_405(place: Place, method: str) -> None:
    """Webhooks are posted, and the answer says so."""
    answer = place.site.client.request(method, "/webhooks/telnyx")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or answer.json()["reason"] == "method_not_allowed"


def test_a_body_that_is_declared_too_large_is_answered_413(place: Place) -> None:
    """It is refused before its first byte is read."""
    with socket.create_connection(_address(place.site), timeout=server.DEADLINE_SECONDS) as connection:
        connection.sendall(
            b"POST /webhooks/telnyx HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1)
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_turns_out_too_large_is_answered_413(place: Place) -> None:
    """A chunked body is read up to the limit only; one of exactly the limit is taken."""
    for size, status in ((BODY_BYTES_MAX + 1, 413), (BODY_BYTES_MAX, 200)):
        body = b" " * size
        answer = place.site.client.post(
            "/webhooks/telnyx", content=(body[n : n + 2**16] for n in range(0, size, 2**16)),
            headers=place.site.signed(body),
        )  # fmt: skip
        assert answer.request.headers["transfer-encoding"] == "chunked"
        assert answer.status_code == status


@pytest.mark.parametrize(
    "headers", [{"content-type": "text/plain"}, {"content-type": "multipart/form-data"}, {"content-encoding": "gzip"}]
)
def test_content_that_telnyx_does_not_send_is_answered_415(place: Place, headers: dict[str, str | None]) -> None:
    """Only JSON and forms are taken, and nothing compressed: the signature is over plain bytes."""
    answer = place.site.post(BODY, headers)

    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")


@pytest.mark.parametrize("content_type", [None, "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_is_known_however_it_is_spelt(place: Place, number: int, content_type: str | None) -> None:
    """A missing content type is taken for JSON, and parameters and case do not matter."""
    assert place.site.post(server.webhook(number), {"content-type": content_type}).status_code == 200


def test_a_connection_goes_on_after_a_refusal(place: Place, number: int) -> None:
    """What is left of a refused body is not taken for the next request."""
    with server.connected(place.site.url) as client:
        site = replace(place.site, client=client)
        statuses = [
            site.post(b"x" * 100_000, {"telnyx-timestamp": None}).status_code,
            site.post(server.webhook(number)).status_code,
            site.post(b"x" * 100_000).status_code,
            site.post(server.webhook(number)).status_code,
        ]
    assert statuses == [401, 200, 200, 200]


@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=300), sign=st.booleans())
def test_no_bytes_are_answered_500(place: Place, body: bytes, sign: bool) -> None:
    """Whatever is signed is kept, whatever is not is refused, and nothing else happens."""
    if sign:
        assert place.site.post(body).status_code == 200
    else:
        assert place.site.post(body, {**place.site.signed(body + b" ")}).status_code == 401


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xff\r\n\r\n",
        b"POST /webhooks/telnyx HTTP/1.1\r\n\x00: \xff\r\n\r\n",
        b"POST /webhooks/telnyx HTTP/1.1\r\ncontent-length: " + b"9" * 5_000 + b"\r\n\r\n",
        b"POST /webhooks/telnyx HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /webhooks/telnyx HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /webhooks/telnyx HTTP/1.1\r\ntelnyx-timestamp: \xff\r\ntelnyx-signature-ed25519: \xe9\r\n\r\n",
    ],
)
def test_no_bytes_on_the_wire_are_answered_500(place: Place, sent: bytes) -> None:
    """What is no HTTP, or hardly any, is refused as the client's mistake."""
    with socket.create_connection(_address(place.site), timeout=server.DEADLINE_SECONDS) as connection:
        connection.sendall(sent)
        assert connection.recv(100).startswith(b"HTTP/1.1 4")


def test_poisoned_events_are_stored_apart_and_delay_no_other(place: Place) -> None:
    """What a column cannot hold is left out and named, and the good events beside it are stored as ever."""
    poison: dict[str, dict[str, Any]] = {
        "event_id_unstorable": {"id": "nul\0"},
        "occurred_at_unusable": {"occurred_at": "+10000-01-01T00:00:00Z"},
        "call_leg_id_unstorable": {"payload": {"call_leg_id": "x" * 1_024}},
        "occurred_at_missing,call_leg_id_missing": {"occurred_at": None, "payload": {}},
    }
    bodies = {reason: _changed(server.webhook(next(_numbers)), **changes) for reason, changes in poison.items()}
    good = [server.webhook(next(_numbers)) for _ in range(40)]
    mixed = [*good[:20], *bodies.values(), *good[20:]]
    assert server.post_all((place.site, body) for body in mixed) == [200] * len(mixed)

    stored = {bytes(row["body"]): row["quarantined"] for row in log.rows(place.database)}
    assert {reason: stored[body] for reason, body in bodies.items()} == {reason: reason for reason in bodies}
    assert [stored[body] for body in good] == [None] * len(good)


def test_a_refused_delivery_is_written_down_masked(place: Place) -> None:
    """What was refused can be looked at, but holds no secret; one with digits keeps neither bytes nor signature."""
    url = _changed(
        BODY, event_type="call.recording.saved", payload={"recording_urls": {"mp3": "https://x/very-secret"}}
    )
    digits = _changed(BODY, event_type="call.dtmf.received", payload={"digit": "7", "note": "keeps no original"})
    stranger = replace(place.site, key=STRANGER)
    assert [stranger.post(body).status_code for body in (url, digits)] == [401, 401]

    with psycopg.connect(place.database.as_part("auditor"), autocommit=True) as auditor:
        ask = (
            "SELECT body, signature IS NOT NULL, remote_address FROM intake.rejections"
            " WHERE reason = 'signature_mismatch' AND body_bytes = %s"
        )
        masked = _until(lambda: auditor.execute(ask, [len(url)]).fetchone())
        assert masked == (url.replace(b"https://x/very-secret", b"*" * 21), True, "127.0.0.1")
        assert _until(lambda: auditor.execute(ask, [len(digits)]).fetchone()) == (None, False, "127.0.0.1")


def test_health_and_readiness_are_told(place: Place) -> None:
    """Whoever watches the server learns that it lives and that it can take webhooks."""
    assert place.site.client.get("/healthz").json() == {"status": "alive"}
    assert place.site.client.get("/readyz").json()["status"] == "ready"


SECRETS: dict[str, dict[str, Any]] = {
    "4711081515": {"event_type": "call.dtmf.received", "payload": {"digit": "4711081515"}},
    "5105105105105100": {"event_type": "call.gather.ended", "payload": {"digits": "5105105105105100"}},
    "correct horse": {"event_type": "call.refer.started", "payload": {"sip_auth_password": "correct horse"}},
    "said-in-confidence": {
        "event_type": "call.transcription",
        "payload": {"transcription_data": {"transcript": "said-in-confidence"}},
    },
    "https://s3.example/one.mp3?sig=abc": {
        "event_type": "call.recording.saved",
        "payload": {"recording_urls": {"mp3": "https://s3.example/one.mp3?sig=abc"}},
    },
    "https://s3.example/two.wav?sig=def": {
        "event_type": "call.recording.saved",
        "payload": {"public_recording_urls": {"wav": "https://s3.example/two.wav?sig=def"}},
    },
}


def test_no_secret_of_a_run_is_in_the_database(cluster: Running, database: Database, tmp_path: Path) -> None:
    """Stored, delivered again, refused, quarantined, as a form, projected: no secret is in any column or file."""
    first_wal = log.value(database, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    bodies = {secret: _changed(server.webhook(n), **changes) for n, (secret, changes) in enumerate(SECRETS.items())}
    with server.serving(database, tmp_path / "home") as site, server.working(database, tmp_path / "home"):
        for secret, body in bodies.items():
            broken = body[:-3]
            form = httpx.QueryParams({"Digits": secret, "RecordingUrl": secret, "CallSid": "c"}).__str__().encode()
            assert site.post(body).status_code == 200
            assert site.post(body).status_code == 200
            assert site.post(broken).status_code == 200
            assert site.post(form, {"content-type": "application/x-www-form-urlencoded"}).status_code == 200
            assert site.post(body, {"telnyx-timestamp": "1"}).status_code == 401
            assert replace(site, key=STRANGER).post(broken).status_code == 401
            assert replace(site, key=STRANGER).post(body).status_code == 401
        _until(lambda: _counted(database, "calls.progress", "position") == len(log.rows(database)))
    assert _counted(database, "intake.rejection_counts", "refused") == 3 * len(SECRETS)

    written = search.contents_of(cluster, database, first_wal).values()
    for secret in SECRETS:
        assert search.columns_with(database, secret) == [], secret
        assert not any(secret.encode() in contents for contents in written), secret
    assert search.columns_with(database, "session-0") != []  # both searches do find what is there
    assert any(b"session-0" in contents for contents in written)
    for row in log.rows(database):
        if row["event_type"] in {"call.dtmf.received", "call.gather.ended", "call.refer.started"}:
            assert (row["masked"], row["signature"], row["sealed_body"]) == (True, None, None)


def test_a_sealed_body_opens_to_the_bytes_that_telnyx_signed(place: Place, number: int) -> None:
    """With the key from the home directory, which the database never sees, the exact bytes can be verified."""
    url = "https://s3.example/recording.mp3?sig=0123"
    body = server.webhook(number, "call.recording.saved", recording_urls={"mp3": url})
    assert place.site.post(body).status_code == 200

    row = _event(place, number)
    assert (row["masked"], row["body"]) == (True, body.replace(url.encode(), b"*" * len(url)))
    key = place.home / "keys" / "sealed_bodies.key"
    assert key.stat().st_mode & 0o777 == 0o600
    opened = Strongbox(key.read_bytes()).open(row["sealed_body"])
    assert opened == body
    verify_key = VerifyKey(base64.b64decode(server.KEY.public))
    verify_key.verify(row["signed_timestamp"].encode() + b"|" + opened, row["signature"])


@pytest.mark.heavy
def test_two_processes_under_load_store_each_event_once(database: Database, tmp_path: Path, full: bool) -> None:
    """With a tenth delivered again to the other process: no gap, no event twice, every 200 in the log."""
    events = 12_000 if full else 1_200
    with (
        server.serving(database, tmp_path / "one") as one,
        server.serving(database, tmp_path / "other") as other,
    ):
        sites = (one, other)
        deliveries = [(sites[n % 2], server.webhook(n)) for n in range(events)]
        deliveries += [(sites[(n + 1) % 2], server.webhook(n, attempt=2)) for n in range(0, events, 10)]
        random.Random(7).shuffle(deliveries)
        left = deliveries
        for _ in range(ATTEMPTS_MAX):  # as Telnyx does after a 503, which a machine that is too busy may give
            statuses = server.post_all(left)
            assert set(statuses) <= {200, 503}
            left = [delivery for delivery, status in zip(left, statuses, strict=True) if status == 503]

    assert left == []
    assert sorted(log.event_ids(database), key=str) == sorted(f"event-{n}" for n in range(events))
    assert len(log.rows(database, "log.redeliveries")) == events // 10


def test_what_was_answered_200_outlives_a_killed_server(database: Database, tmp_path: Path) -> None:
    """A server killed under load has answered nothing that is not in the log."""
    with server.serving(database, tmp_path) as site:
        killer = threading.Thread(target=_kill_under_load, args=(site, database))
        killer.start()
        statuses = server.post_all((site, server.webhook(n)) for n in range(800))
        killer.join()

    stored = set(log.event_ids(database))
    answered = {f"event-{n}" for n, status in enumerate(statuses) if status == 200}
    assert answered
    assert 0 in statuses
    assert answered <= stored


def test_a_server_that_is_told_to_stop_answers_what_it_took(database: Database, tmp_path: Path) -> None:
    """Requests that wait for their commit are answered though the server listens no more, as the log then says."""
    statuses: list[int] = []
    with server.serving(database, tmp_path) as site, psycopg.connect(database.as_part("worker")) as holder:
        holder.execute("LOCK TABLE log.append_turn IN EXCLUSIVE MODE")
        deliveries = [(site, server.webhook(n)) for n in range(8)]
        posting = threading.Thread(target=lambda: statuses.extend(server.post_all(deliveries)))
        posting.start()
        log.until_waited_for(database, "log.append_turn", posting)
        site.process.terminate()
        _until(lambda: not _listens(site))
        holder.rollback()
        posting.join()

    assert set(statuses) <= {200, 503}  # 503 where the machine was too busy to get here within a second
    answered = {f"event-{n}" for n, status in enumerate(statuses) if status == 200}
    assert answered == set(log.event_ids(database))


def test_webhooks_are_answered_200_while_postgres_is_away(database: Database, tmp_path: Path) -> None:
    """They are taken into the spool, readiness says so, and afterwards all is in the log."""
    with server.serving(database, tmp_path) as site:
        assert site.post(server.webhook(0)).status_code == 200
        _allow_connections(database, allow=False)
        assert site.post(server.webhook(1)).status_code == 200
        assert site.client.get("/readyz").json() == {"status": "ready", "path": "spool"}
        _allow_connections(database, allow=True)
        _until(lambda: site.client.get("/readyz").json()["path"] == "log")
        assert site.post(server.webhook(2)).status_code == 200

    assert sorted(map(str, log.event_ids(database))) == ["event-0", "event-1", "event-2"]


def test_server_that_starts_while_postgres_is_away_takes_webhooks(database: Database, tmp_path: Path) -> None:
    """In a home that has served before; what it takes is in the log once Postgres is back."""
    with server.serving(database, tmp_path) as site:
        assert site.post(server.webhook(0)).status_code == 200
    unheard = {"CALLAUDIT_INGEST_DATABASE_URL": "postgresql://callaudit_ingest@127.0.0.1:1/nowhere"}
    with server.serving(database, tmp_path, **unheard) as site:
        assert site.post(server.webhook(1)).status_code == 200
        assert any("serving_from_the_spool" in line for line in site.said)
    assert any("spool_left" in line for line in site.said)
    with server.serving(database, tmp_path):
        _until(lambda: len(log.event_ids(database)) == 2)

    assert log.event_ids(database) == ["event-0", "event-1"]


def test_webhooks_are_answered_503_where_nothing_can_take_them(database: Database, tmp_path: Path) -> None:
    """Telnyx is told to come again, and readiness is withdrawn."""
    (tmp_path / "spool").write_text("a file is where the spools should be")
    with server.serving(database, tmp_path) as site:
        assert site.post(server.webhook(0)).status_code == 200
        _allow_connections(database, allow=False)
        answer = site.post(server.webhook(1))
        assert (answer.status_code, answer.json()["reason"]) == (503, "spool_unavailable")
        assert answer.headers["retry-after"] == "1"
        assert site.client.get("/readyz").status_code == 503
        _allow_connections(database, allow=True)
        _until(lambda: site.post(server.webhook(1)).status_code == 200)
        assert site.client.get("/readyz").status_code == 200

    assert log.event_ids(database) == ["event-0", "event-1"]


def test_deliveries_beyond_those_kept_whole_are_answered_200_too(database: Database, tmp_path: Path) -> None:
    """However often the same event comes, the provider is told that it arrived."""
    with server.serving(database, tmp_path) as site:
        statuses = server.post_all([(site, server.webhook(0))] * 50)

    assert statuses == [200] * 50
    assert log.event_ids(database) == ["event-0"]
    assert len(log.rows(database, "log.redeliveries")) == REDELIVERIES_KEPT_MAX
    assert _counted(database, "intake.redelivery_counts", "deliveries") == 49 - REDELIVERIES_KEPT_MAX


def test_serving_with_the_owners_login_warns_and_steps_down(database: Database, tmp_path: Path) -> None:
    """Without a login of its own, ingest acts in its role all the same, and says what is missing."""
    with server.serving(database, tmp_path, CALLAUDIT_INGEST_DATABASE_URL="") as site:
        assert site.post(server.webhook(0)).status_code == 200
        assert any("serving_as_owner" in line for line in site.said)


def test_several_processes_share_one_address(database: Database, tmp_path: Path) -> None:
    """``serve --workers`` takes webhooks in processes of their own, and all end with their parent."""
    with server.serving(database, tmp_path, ["--workers", "2"]) as site:
        assert server.post_all((site, server.webhook(n)) for n in range(100)) == [200] * 100

    assert len(log.event_ids(database)) == 100
    assert not _listens(site)


@pytest.mark.parametrize("command", ["serve", "up"])
@pytest.mark.parametrize(
    "key", ["", "bm8ga2V5", f"now={server.KEY.public},sECRET" + "x" * 38], ids=["none", "short", "one of two"]
)
def test_a_server_without_a_usable_key_does_not_start(
    database: Database, tmp_path: Path, command: str, key: str
) -> None:
    """It never fails open: one sentence names the setting, not its value, and the exit code is 2."""
    ended = server.run(
        [command, "--port", "0"], server.environment(database, tmp_path, TELNYX_PUBLIC_KEY=key), tmp_path
    )

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "TELNYX_PUBLIC_KEY" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not key or (key not in ended.stderr and "sECRET" not in ended.stderr)


def test_a_taken_port_is_said_in_one_sentence(place: Place, tmp_path: Path) -> None:
    """Somebody listens there already: what to do about it is said, and the exit code is 2."""
    _, port = _address(place.site)
    given = server.environment(place.database, tmp_path)
    ended = server.run(["serve", "--port", str(port)], given, tmp_path)

    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "--port" in ended.stderr


def _event(place: Place, number: int) -> dict[str, Any]:
    (row,) = (row for row in log.rows(place.database) if row["event_id"] == f"event-{number}")
    return row


def _changed(body: bytes, *, payload: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """Give a body whose data, and payload where given, say something else; an empty payload is emptied."""
    whole = orjson.loads(body)
    data = {**whole["data"], **fields}
    if payload is not None:
        data["payload"] = {**data["payload"], **payload} if payload else {}
    return orjson.dumps({**whole, "data": data})


def _address(site: server.Site) -> tuple[str, int]:
    url = httpx.URL(site.url)
    assert url.port is not None
    return url.host, url.port


def _until(condition: Callable[[], Any]) -> Any:
    """Ask until the answer is true: what is written behind an answer has no signal to wait for."""
    ends_at = time.monotonic() + server.DEADLINE_SECONDS
    while not (answer := condition()):
        assert time.monotonic() < ends_at
        time.sleep(0.02)
    return answer


def _counted(database: Database, table: LiteralString, column: LiteralString) -> int:
    return log.value(database, f"SELECT coalesce(sum({column}), 0)::bigint FROM {table}")  # noqa: S608  our own names


def _kill_under_load(site: server.Site, database: Database) -> None:
    _until(lambda: _counted(database, "log.events", "1") > 50)
    site.process.kill()


def _listens(site: server.Site) -> bool:
    try:
        socket.create_connection(_address(site), timeout=1).close()
    except OSError:
        return False
    return True


def _allow_connections(database: Database, *, allow: bool) -> None:
    name = conninfo.conninfo_to_dict(database.url)["dbname"]
    postgres = conninfo.make_conninfo(database.url, dbname="postgres")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(str(name)), sql.Literal(allow))
        )
        if not allow:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
