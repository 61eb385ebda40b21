"""The gateway as programs meet it: Telnyx's own SDK before it, what stands for Telnyx behind it, the log beside it."""

import asyncio
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
import telnyx

from tests.acceptance import home as homes
from tests.acceptance import server, upstreams
from tests.acceptance.gates import CALL, COMMANDS, PURPOSE, STATE, Gate, opened
from tests.acceptance.upstreams import Planned, Upstream
from tests.conftest import Database


def sent_directly(behind: Upstream, action: str) -> upstreams.Received:
    """Give what the SDK sends to Telnyx itself."""
    with telnyx.Telnyx(api_key="KEY-of-telnyx", base_url=behind.url, max_retries=0) as client:
        COMMANDS[action](client.calls.actions)
    return behind.received.pop()


def test_each_command_of_the_sdk_arrives_as_it_was_sent(gate: Gate) -> None:
    """Sync and async, with every parameter: method, path, headers and body are what Telnyx would have had."""
    key = gate.key("ada", "--scope", "gateway")

    async def asynchronously(action: str) -> Any:
        client = telnyx.AsyncTelnyx(
            api_key=key,
            base_url=f"{gate.site.url}/v2",
            max_retries=0,
            default_headers={**PURPOSE, "Idempotency-Key": action},
        )
        async with client:
            return await COMMANDS[action](client.calls.actions)

    for action, command in COMMANDS.items():
        direct = sent_directly(gate.upstream, action)
        answer = command(gate.sdk(key).calls.actions)
        assert answer.data.result == "ok"
        arrived = gate.upstream.received.pop()
        assert (arrived.method, arrived.path, arrived.body) == (direct.method, direct.path, direct.body)
        own = {"host", "connection"}
        assert {n: v for n, v in arrived.headers.items() if n not in own} == {
            n: v for n, v in direct.headers.items() if n not in own
        }
    # By the command_id, or an SDK's own repeat, none of these would be sent a second time.
    gate.upstream.received.clear()
    for action in ("client_state_update", "siprec_start", "switch_supervisor_role"):
        assert asyncio.run(asynchronously(action)).data.result == "ok"
    assert [each.path.rpartition("/")[2] for each in gate.upstream.received] == [
        "client_state_update",
        "siprec_start",
        "switch_supervisor_role",
    ]
    counted = server.run(["log", "stats", "--json"], server.environment(gate.database, gate.home), gate.home)
    counts = orjson.loads(counted.stdout)
    assert (counts["stored"], counts["unknown_type"], counts["unattributed"]) == (0, 0, 0)
    assert counts["system"] == len(gate.recorded()) + 2
    verified = server.run(["log", "verify", "--json"], server.environment(gate.database, gate.home), gate.home)
    assert (verified.returncode, orjson.loads(verified.stdout)["integrity"]) == (0, "intact"), verified.stdout


def test_who_asked_and_why_is_on_record_before_and_what_came_of_it_after(gate: Gate) -> None:
    """Actor, key, purpose, ticket, address and agent; parameters without their secrets."""
    key = gate.key("ada@desk", "--scope", "gateway")
    COMMANDS["refer"](gate.sdk(key).calls.actions)
    requested, sent, accepted = gate.recorded()
    assert [requested[0], sent[0], accepted[0]] == ["requested", "sent", "accepted"]
    assert len({said["command_id"] for _, said in (requested, sent, accepted)}) == 1
    said = requested[1]
    assert (said["actor"], said["key_id"], said["purpose"], said["ticket"]) == (
        "ada@desk",
        key.split("_")[1],
        "training",
        "T-1",
    )
    assert said["user_agent"].startswith("Telnyx/Python")
    assert (said["client_address"], said["action"], said["call_control_id"]) == ("127.0.0.1", "refer", CALL)
    assert said["parameters"]["sip_auth_password"] == "*" * len("pass word é")
    assert said["parameters"]["sip_address"] == "sip:username@sip.non-telnyx-address.com"
    assert accepted[1]["http_status"] == 200


@pytest.mark.parametrize(
    ("status", "code", "raised", "state"),
    [
        (400, "10015", telnyx.BadRequestError, "refused"),
        (401, "10009", telnyx.AuthenticationError, "refused"),
        (403, "10010", telnyx.PermissionDeniedError, "refused"),
        (404, "10005", telnyx.NotFoundError, "refused"),
        (422, "90018", telnyx.UnprocessableEntityError, "refused"),
        (429, "10011", telnyx.RateLimitError, "refused"),
        (500, "10007", telnyx.InternalServerError, "in_doubt"),
        (503, "10037", telnyx.InternalServerError, "in_doubt"),
    ],
)
def test_an_error_of_telnyx_raises_what_it_always_raised(
    gate: Gate, status: int, code: str, raised: type[telnyx.APIStatusError], state: str
) -> None:
    """Its body passes through to the byte; on record is its code, and no detail."""
    body = orjson.dumps({"errors": [{"code": code, "title": "A title", "detail": "digits 1234 are wrong"}]})
    gate.upstream.plans.append(Planned(status, body))
    with pytest.raises(raised) as refused:
        COMMANDS["send_dtmf"](gate.sdk(gate.key("ada", "--scope", "gateway")).calls.actions)
    assert (refused.value.status_code, refused.value.response.content) == (status, body)
    recorded = gate.recorded()
    assert [each for each, _ in recorded] == ["requested", "sent", state]
    assert b"1234" not in orjson.dumps([said for _, said in recorded])


WRONG: list[tuple[Callable[[Any], Any], type[telnyx.APIStatusError], str]] = [
    (lambda of: of.send_dtmf(CALL, digits="12x"), telnyx.UnprocessableEntityError, "90014"),
    (lambda of: of.update_client_state(CALL, client_state="?"), telnyx.UnprocessableEntityError, "90017"),
    (lambda of: of.switch_supervisor_role(CALL, role="listen"), telnyx.UnprocessableEntityError, "10032"),
    (lambda of: of.start_siprec(CALL, session_timeout_secs=5), telnyx.UnprocessableEntityError, "10033"),
    (lambda of: of.refer(CALL, sip_address=None), telnyx.UnprocessableEntityError, "10026"),
]


def test_what_is_wrong_is_refused_before_it_is_sent_and_on_record(gate: Gate) -> None:
    """With Telnyx's own code, so that an SDK raises its usual exception; nothing arrives behind."""
    client = gate.sdk(gate.key("ada", "--scope", "gateway"))
    for command, raised, code in WRONG:
        with pytest.raises(raised) as refused:
            command(client.calls.actions)
        assert orjson.loads(refused.value.response.content)["errors"][0]["code"] == code
    assert gate.upstream.received == []
    assert gate.states() == ["requested", "refused"] * len(WRONG)


def test_no_key_opens_nothing(gate: Gate) -> None:
    """Without one, with Telnyx's or one for something else, nothing is sent or read; only the last is on record."""
    other = gate.key("prometheus", "--scope", "metrics")
    for key, raised in (("KEY-of-telnyx", telnyx.AuthenticationError), (other, telnyx.PermissionDeniedError)):
        with pytest.raises(raised):
            COMMANDS["siprec_start"](gate.sdk(key).calls.actions)
        with pytest.raises(raised):
            gate.sdk(key).calls.retrieve_status(CALL)
    assert gate.site.client.get("/v2/call_events").status_code == 401
    assert gate.upstream.received == []
    assert gate.states() == ["requested", "refused"]


def test_what_only_reads_passes_and_leaves_no_record(gate: Gate) -> None:
    """With the gateway's key instead of the caller's, and query and answer as they are."""
    key = gate.key("ada", "--scope", "gateway")
    gate.upstream.plans.append(Planned(200, b'{"data":[],"meta":{}}', (("x-ratelimit-remaining", "7"),)))
    asked = {"authorization": f"Bearer {key}", "x-audit-purpose": "look"}
    answer = gate.site.client.get("/v2/call_events?filter[leg_id]=a%20b&page[size]=2", headers=asked)
    assert (answer.status_code, answer.content) == (200, b'{"data":[],"meta":{}}')
    assert answer.headers["x-ratelimit-remaining"] == "7"
    (arrived,) = gate.upstream.received
    assert arrived.path == "/v2/call_events?filter[leg_id]=a%20b&page[size]=2"
    assert arrived.headers["authorization"] == "Bearer KEY-of-telnyx"
    assert "x-audit-purpose" not in arrived.headers
    assert gate.states() == []


@pytest.mark.parametrize("plan", [Planned(None), Planned(500, b"{}"), Planned(503, b"")])
def test_what_is_in_doubt_is_sent_once_however_often_an_sdk_repeats(gate: Gate, plan: Planned) -> None:
    """An SDK that repeats by itself is told not to, and one that does all the same gets what the first one got."""
    key = gate.key("ada", "--scope", "gateway")
    gate.upstream.plans.append(plan)
    with pytest.raises(telnyx.InternalServerError) as refused:
        COMMANDS["siprec_start"](gate.sdk(key, max_retries=3).calls.actions)
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert len(gate.upstream.received) == 1
    body = orjson.loads(gate.upstream.received[0].body)
    again = gate.site.client.post(
        f"/v2/calls/{CALL}/actions/siprec_start",
        content=gate.upstream.received[0].body,
        headers={"authorization": f"Bearer {key}", "x-stainless-retry-count": "1", "content-type": "application/json"},
    )
    assert body["connector_name"] == "my-siprec-connector"
    assert again.status_code == refused.value.status_code
    assert len(gate.upstream.received) == 1
    assert gate.states() == ["requested", "sent", "in_doubt", "repeated"]


def test_what_never_left_may_be_repeated(database: Database, tmp_path: Path) -> None:
    """An upstream that is not there did nothing: the SDK repeats, and each try is on record as refused."""
    with upstreams.upstream() as gone:
        pass
    with opened(database, tmp_path / "home", gone) as gate:
        with pytest.raises(telnyx.InternalServerError):
            COMMANDS["suppression_stop"](gate.sdk(gate.key("ada", "--scope", "gateway"), max_retries=1).calls.actions)
        recorded = gate.recorded()
        assert [state for state, _ in recorded] == ["requested", "sent", "refused"] * 2
        assert recorded[2][1]["reason"] == "upstream_unreachable"


def test_a_key_for_repeats_gets_the_first_answer_and_refuses_other_parameters(gate: Gate) -> None:
    """For any command; Telnyx has it once, and the repeat is on record beside the first."""
    key = gate.key("ada", "--scope", "gateway")
    gate.upstream.plans.append(Planned(200, b'{"data":{"result":"first"}}', (("x-request-id", "r1"),)))
    first, again = (gate.post(key, "siprec_start", {"connector_name": "a"}, idempotency_key="k") for _ in range(2))
    other = gate.post(key, "siprec_start", {"connector_name": "b"}, idempotency_key="k")
    assert (first.content, first.headers["x-request-id"]) == (again.content, again.headers["x-request-id"])
    assert first.headers["x-audit-command-id"] == again.headers["x-audit-command-id"]
    assert (other.status_code, other.headers["x-should-retry"]) == (409, "false")
    assert len(gate.upstream.received) == 1
    assert gate.states() == ["requested", "sent", "accepted", "repeated", "requested", "refused"]
    elsewhere = gate.key("bob", "--scope", "gateway")
    assert gate.post(elsewhere, "siprec_start", {"connector_name": "b"}, idempotency_key="k").status_code == 200


def test_a_command_id_counts_for_its_call(gate: Gate) -> None:
    """The same one for the same call is sent once, for another call again."""
    key = gate.key("ada", "--scope", "gateway")
    first, again = (gate.post(key, "suppression_stop", {"command_id": "c"}) for _ in range(2))
    asked = {"authorization": f"Bearer {key}"}
    other = gate.site.client.post("/v2/calls/other/actions/suppression_stop", json={"command_id": "c"}, headers=asked)
    assert [each.status_code for each in (first, again, other)] == [200] * 3
    assert len(gate.upstream.received) == 2


def test_equal_commands_may_be_meant_twice(gate: Gate) -> None:
    """Without a key, and not as an SDK's repeat, the same digits are pressed again."""
    key = gate.key("ada", "--scope", "gateway")
    for _ in range(2):
        assert gate.post(key, "send_dtmf", {"digits": "1"}).status_code == 200
    assert len(gate.upstream.received) == 2


def test_a_repeat_waits_for_the_one_under_way(gate: Gate) -> None:
    """It does not go out beside it, and gets its answer."""
    key = gate.key("ada", "--scope", "gateway")
    gate.upstream.plans.append(Planned(200, b'{"data":{"result":"slow"}}', after_seconds=1.0))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gate.post, key, "siprec_stop", {})
        upstreams.until(gate.upstream.received, 1)
        again = pool.submit(gate.post, key, "siprec_stop", {}, x_stainless_retry_count="1")
        assert first.result().content == again.result().content == b'{"data":{"result":"slow"}}'
    assert len(gate.upstream.received) == 1


def test_a_repeat_of_one_that_was_not_done_may_be_sent_anew(gate: Gate) -> None:
    """Telnyx had too many requests: that is no doubt, and whoever waited for it is told to send again."""
    key = gate.key("ada", "--scope", "gateway")
    gate.upstream.plans.append(Planned(429, b"{}", after_seconds=1.0))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gate.post, key, "siprec_stop", {})
        upstreams.until(gate.upstream.received, 1)
        again = pool.submit(gate.post, key, "siprec_stop", {}, x_stainless_retry_count="1")
        assert first.result().status_code == 429
        assert again.result().headers["x-callaudit-reason"] == "first_not_done"
        assert again.result().headers["x-should-retry"] == "true"
    assert gate.post(key, "siprec_stop", {}, x_stainless_retry_count="2").status_code == 200
    assert "in_doubt" not in gate.states()


def test_without_the_database_nothing_is_sent(gate: Gate) -> None:
    """Whether it was sent before cannot be told, nor whose key it is: 503, that it may be repeated, and no request."""
    key = gate.key("ada", "--scope", "gateway")
    assert gate.post(key, "send_dtmf", {"digits": "1"}).status_code == 200
    name = psycopg.conninfo.conninfo_to_dict(gate.database.url)["dbname"]
    other = psycopg.conninfo.make_conninfo(gate.database.url, dbname="postgres")
    with psycopg.connect(other, autocommit=True) as owner:
        owner.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        answer = gate.post(key, "send_dtmf", {"digits": "1"})
        owner.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "true")
    assert len(gate.upstream.received) == 1


def test_a_purpose_is_required_where_it_matters_and_a_key_may_stand_for_one(gate: Gate) -> None:
    """Stopping a recording and letting a supervisor in need a reason; other commands do not."""
    plain, desk = (
        gate.key("ada", "--scope", "gateway"),
        gate.key("ruby", "--scope", "gateway", "--purpose", "night desk"),
    )
    silent = gate.sdk(plain, default_headers={}).calls.actions
    for action in ("siprec_stop", "switch_supervisor_role"):
        with pytest.raises(telnyx.PermissionDeniedError) as refused:
            COMMANDS[action](silent)
        assert refused.value.response.headers["x-callaudit-reason"] == "purpose_missing"
    COMMANDS["siprec_start"](silent)
    COMMANDS["switch_supervisor_role"](gate.sdk(desk, default_headers={}).calls.actions)
    requested = [said for state, said in gate.recorded() if state == "requested"]
    assert [said["purpose"] for said in requested] == [None, None, None, "night desk"]


def test_a_limited_key_does_what_it_is_for(gate: Gate) -> None:
    """Other actions, and calls of other connections or of none that is known, are refused."""
    referring = gate.key("ada", "--scope", "gateway", "--action", "refer")
    connected = gate.key("bob", "--scope", "gateway", "--connection", "1684641123236054244")
    assert gate.post(referring, "refer", {"sip_address": "sip:a@b"}).status_code == 200
    assert gate.post(referring, "hangup").headers["x-callaudit-reason"] == "action_refused"
    assert gate.post(connected, "hangup").headers["x-callaudit-reason"] == "connection_unknown"
    assert gate.site.post(server.webhook(1, "call.answered", call_control_id=CALL)).status_code == 200
    with server.working(gate.database, gate.home):
        until_projected(gate.database)
    assert gate.post(connected, "hangup").status_code == 200
    other = gate.key("eve", "--scope", "gateway", "--connection", "7")
    assert gate.post(other, "hangup").headers["x-callaudit-reason"] == "connection_refused"


def until_projected(database: Database) -> None:
    """Wait until the worker has a leg."""
    import time

    ends_at = time.monotonic() + 60
    with psycopg.connect(database.url, autocommit=True) as connection:
        while not connection.execute("SELECT 1 FROM calls.call_legs").fetchone():
            assert time.monotonic() < ends_at
            time.sleep(0.05)


def test_a_second_person_approves_by_the_command_line(database: Database, tmp_path: Path) -> None:
    """Asked for, seen, approved by somebody else, sent once; each on record, with who."""
    settings = {"CALLAUDIT_GATEWAY_APPROVAL_REQUIRED": "siprec_stop"}
    with upstreams.upstream() as behind, opened(database, tmp_path / "home", behind, **settings) as gate:
        ada, bob = gate.key("ada", "--scope", "gateway"), gate.key("bob", "--scope", "gateway:approve")

        def call(key: str, *arguments: str) -> tuple[int, Any]:
            given = server.environment(database, gate.home, CALLAUDIT_API_KEY=key, CALLAUDIT_GATEWAY_URL=gate.site.url)
            ran = server.run(["call", *arguments, "--json"], given, gate.home)
            return ran.returncode, orjson.loads(ran.stdout or b"null")

        asks = ("siprec-stop", CALL, "--purpose", "card number")
        code, asked = call(ada, *asks)
        assert (code, asked["reason"]) == (1, "approval_required")
        code, waiting = call(bob, "approvals")
        assert [each["command_id"] for each in waiting] == [asked["command_id"]]
        assert call(ada, "approve", asked["command_id"])[0] == 2
        assert call(bob, "approve", asked["command_id"], "--reason", "fine")[0] == 0
        code, sent = call(ada, *asks, "--approval", asked["command_id"])
        assert (code, sent["accepted"], sent["command_id"]) == (0, True, asked["command_id"])
        assert call(ada, *asks, "--approval", asked["command_id"])[1]["reason"] == "approval_refused"
        assert len(behind.received) == 1
        states = gate.states()
        asked_for = ["requested", "approval_required", "approved"]
        assert states == [*asked_for, "requested", "sent", "accepted", "requested", "refused"]
        approved = dict(gate.recorded())["approved"]
        assert (approved["actor"], approved["reason"]) == ("bob", "fine")


def test_each_command_has_a_line_for_people(gate: Gate) -> None:
    """The eight, by the command line; digits may be typed where no shell keeps them."""
    given = server.environment(
        gate.database,
        gate.home,
        CALLAUDIT_API_KEY=gate.key("ada", "--scope", "gateway"),
        CALLAUDIT_GATEWAY_URL=gate.site.url,
    )
    lines = {
        "refer": ("refer", CALL, "sip:a@b", "--custom-header", "x=y"),
        "send_dtmf": ("dtmf", CALL, "12"),
        "siprec_start": ("siprec-start", CALL, "--connector", "c", "--track", "both_tracks", "--secure"),
        "siprec_stop": ("siprec-stop", CALL, "--purpose", "p"),
        "suppression_start": ("suppress-start", CALL, "--direction", "both"),
        "suppression_stop": ("suppress-stop", CALL),
        "switch_supervisor_role": ("supervise", CALL, "whisper", "--purpose", "p"),
        "client_state_update": ("client-state", CALL, "have a nice day =]"),
    }
    for action, line in lines.items():
        ran = server.run(["call", *line], given, gate.home)
        assert (ran.returncode, ran.stdout.split(",")[0]) == (0, action), ran.stderr
    assert orjson.loads(gate.upstream.bodies("client_state_update")[0]) == {"client_state": STATE}
    assert orjson.loads(gate.upstream.bodies("siprec_start")[0])["secure"] is True
    ran = server.run(["call", "dtmf", CALL, "x"], given, gate.home)
    assert (ran.returncode, "Digits are" in ran.stdout) == (1, True)
    ran = server.run(["call", "dtmf", CALL, "1"], {**given, "CALLAUDIT_API_KEY": ""}, gate.home)
    assert (ran.returncode, "CALLAUDIT_API_KEY" in ran.stderr) == (2, True)


def test_a_command_is_in_its_call_and_in_the_dossier(gate: Gate) -> None:
    """Who let the supervisor in: shown with the call, and proven to an outsider who has the verifier alone."""
    given = server.environment(gate.database, gate.home)
    named = {"call_control_id": CALL, "call_leg_id": "leg-9", "call_session_id": "session-9"}
    assert gate.site.post(server.webhook(9, "call.answered", **named)).status_code == 200
    COMMANDS["switch_supervisor_role"](gate.sdk(gate.key("ada", "--scope", "gateway")).calls.actions)
    with server.working(gate.database, gate.home):
        until_shown(gate, "session-9")
        shown = orjson.loads(server.run(["calls", "show", "session-9", "--json"], given, gate.home).stdout)
        (command,) = shown["commands"]
        assert (command["actor"], command["supervisor_role"], command["state"]) == ("ada", "barge", "accepted")
        assert [each["event_type"] for each in shown["timeline"]] == [
            "call.answered",
            "command.requested",
            "command.sent",
            "command.accepted",
        ]
        out = gate.home / "dossier.zip"
        export = ["calls", "export", "session-9", "--out", str(out)]
        homes.until(lambda: server.run(export, given, gate.home).returncode == 0)
    with zipfile.ZipFile(out) as dossier:
        dossier.extractall(gate.home / "dossier")
    verifier = [sys.executable, str(gate.home / "dossier" / "verify.py")]
    ran = subprocess.run(verifier, cwd=gate.home, check=False, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.count("signed by the gateway key") == 3
    changed = next((gate.home / "dossier" / "events").glob("*.body"))
    for path in (gate.home / "dossier" / "events").glob("*.body"):
        changed = path if b'"ada"' in path.read_bytes() else changed
    changed.write_bytes(changed.read_bytes().replace(b'"ada"', b'"eve"'))
    ran = subprocess.run(verifier, cwd=gate.home, check=False, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1


def until_shown(gate: Gate, session: str) -> None:
    """Wait until the worker has the command in its call."""
    with psycopg.connect(gate.database.url, autocommit=True) as connection:
        homes.until(
            lambda: connection.execute(
                "SELECT 1 FROM calls.commands WHERE call_session_id = %s AND state = 'accepted'", [session]
            ).fetchone()
        )
