"""What commands came to is put on record: once, signed, and with what Telnyx itself has of those in doubt."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg
import pytest

from callaudit import settler
from calls import instants
from gateway import parsing
from gateway.record import Caller, Command
from store import append
from tests.acceptance.upstreams import Planned, Upstream, upstream
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.projections.test_commands import CALL, CONTROL, LATE, RECORDER, asked, heard
from tests.unit.calls import made


@contextmanager
def settling(database: Database, home: Path, inquiry: settler.Inquiry | None = None) -> Generator[settler.Settler]:
    """Give a settler as the worker has it."""
    with append.connect(database.as_part("worker"), application_name="test") as connection:
        yield settler.Settler(connection, home, inquiry)


def said(database: Database) -> list[tuple[str, str, dict[str, Any]]]:
    """Give the ends that are on record: command, event type, what is said."""
    with psycopg.connect(database.url) as connection:
        bodies = connection.execute("SELECT body FROM log.events WHERE source = 'gateway' ORDER BY position").fetchall()
    found = [orjson.loads(body)["data"] for (body,) in bodies]
    return [
        (each["payload"]["command_id"], each["event_type"], each["payload"])
        for each in found
        if each["event_type"] in {"command.confirmed", "command.expired"} or "by" in each["payload"]
    ]


def test_the_end_of_a_command_is_on_record_once(database: Database, tmp_path: Path) -> None:
    """Signed by the gateway's key, which is trusted on record; not before the tables have all, and never twice."""
    journal.write_bodies(database, heard(CALL))
    journal.say(database, *asked("siprec_start", 2_900, "c-1"), *asked("refer", 5_000, "c-2"))
    journal.say(database, *asked("send_dtmf", 6_000, "c-3"))
    with settling(database, tmp_path) as settling_:
        assert settling_.step() == 0  # the tables show nothing yet
        journal.projected(database, LATE)
        assert settling_.step() == 2
        assert settling_.step() == 0  # the tables do not show what was just said
        journal.projected(database, LATE)
        assert settling_.step() == 0
    confirmed, expired = said(database)
    assert (*confirmed[:2], confirmed[2]["outcome"]) == ("c-1", "command.confirmed", "started")
    assert (*expired[:2], expired[2]["flags"]) == ("c-2", "command.expired", [])
    rows = "SELECT state, recorded_state FROM calls.commands ORDER BY requested_at"
    with psycopg.connect(database.url) as connection:
        assert connection.execute(rows).fetchall() == [
            ("confirmed", "confirmed"),
            ("expired", "expired"),
            ("accepted", "accepted"),
        ]
        keys = "SELECT DISTINCT key_id FROM log.events WHERE event_type IN ('command.confirmed', 'command.expired')"
        ((key_id,),) = connection.execute(keys).fetchall()
        (trusted,) = connection.execute("SELECT body FROM log.events WHERE event_type = 'key.trusted'").fetchall()
    assert orjson.loads(trusted[0])["data"]["payload"]["key_id"] == key_id


def test_two_workers_that_say_it_say_it_once(database: Database, tmp_path: Path) -> None:
    """Equal words are one event."""
    journal.write_bodies(database, heard(CALL))
    journal.say(database, *asked("siprec_start", 2_900, "c-1"))
    journal.projected(database, LATE)
    with settling(database, tmp_path) as one, settling(database, tmp_path) as other:
        assert (one.step(), other.step()) == (1, 1)
    assert len(said(database)) == 1


def doubtful(command_id: str, at_ms: int, control_id: str = CONTROL) -> list[Any]:
    """Make a start whose answer did not come."""
    requested, sent, _ = asked("siprec_start", at_ms, command_id, control_id)
    target = parsing.target("POST", f"/v2/calls/{control_id}/actions/siprec_start".encode(), b"")
    command = Command(target=target, caller=Caller(actor="ada", key_id="k", address="::1"), command_id=command_id)
    doubt = RECORDER.entry("command.in_doubt", command, (at_ms + 300) * instants.MILLISECOND, reason="no_answer")
    return [requested, sent, doubt]


def listing(*at: str) -> bytes:
    """Give what Telnyx lists: starts at these times."""
    return orjson.dumps({"data": [{"type": "command", "name": "siprec_start", "event_timestamp": each} for each in at]})


@pytest.fixture
def telnyx() -> Generator[Upstream]:
    """Give what stands for Telnyx."""
    with upstream() as running:
        yield running


def test_what_telnyx_lists_is_no_longer_in_doubt(
    database: Database, tmp_path: Path, telnyx: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked by leg, with its key; what it does not list stays in doubt."""
    monkeypatch.setattr(settler, "ASK_SECONDS", 0.0)
    journal.write_bodies(database, heard([each for each in CALL if each.kind != "siprec.started"]))
    journal.say(database, *doubtful("c-1", 2_000), *doubtful("c-2", 20_000))
    journal.projected(database, 30 * instants.SECOND)
    telnyx.plans.append(Planned(body=listing("1970-01-01T00:00:02.100000Z")))
    with httpx.Client(headers={"authorization": "Bearer KEY"}) as client:
        inquiry = settler.Inquiry(client, telnyx.url)
        with settling(database, tmp_path, inquiry) as settling_:
            assert settling_.step() == 1
            journal.projected(database, 30 * instants.SECOND)
            assert settling_.step() == 0
    ((command_id, event_type, payload),) = said(database)
    assert (command_id, event_type, payload["by"]) == ("c-1", "command.accepted", "call_events")
    (request, *_) = telnyx.received
    assert request.headers["authorization"] == "Bearer KEY"
    assert request.path.startswith("/v2/call_events?filter%5Bleg_id%5D=leg-1&filter%5Btype%5D=command")
    states = "SELECT command_id, state, flags FROM calls.commands ORDER BY requested_at"
    with psycopg.connect(database.url) as connection:
        assert connection.execute(states).fetchall() == [
            ("c-1", "accepted", ["accepted_by_call_events"]),
            ("c-2", "in_doubt", []),
        ]


def test_telnyx_that_does_not_say_leaves_it_in_doubt(
    database: Database, tmp_path: Path, telnyx: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends of others are put on record all the same."""
    monkeypatch.setattr(settler, "ASK_SECONDS", 0.0)
    journal.write_bodies(database, heard(CALL))
    journal.say(database, *asked("siprec_start", 2_900, "c-1"), *doubtful("c-2", 40_000))
    journal.projected(database, 45 * instants.SECOND)
    telnyx.plans.append(Planned(status=500, body=b"{}"))
    with httpx.Client() as client, settling(database, tmp_path, settler.Inquiry(client, telnyx.url)) as settling_:
        assert settling_.step() == 1
    assert [each[:2] for each in said(database)] == [("c-1", "command.confirmed")]


def test_what_was_settled_before_telnyx_fell_silent_is_kept(
    database: Database, tmp_path: Path, telnyx: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two legs the first is listed and the second is not answered for."""
    monkeypatch.setattr(settler, "ASK_SECONDS", 0.0)
    other = {"call_control_id": "v3:2", "call_session_id": "ses-2", "call_leg_id": "leg-2"}
    journal.write_bodies(database, heard([*CALL[:2], made.event("call.answered", 1_000, **other)]))
    journal.say(database, *doubtful("c-1", 2_000), *doubtful("c-2", 2_000, "v3:2"))
    journal.projected(database, 30 * instants.SECOND)
    telnyx.plans.extend([Planned(body=listing("1970-01-01T00:00:02.100000Z")), Planned(status=500, body=b"{}")])
    with httpx.Client() as client, settling(database, tmp_path, settler.Inquiry(client, telnyx.url)) as settling_:
        assert settling_.step() == 1
    assert [each[:2] for each in said(database)] == [("c-1", "command.accepted")]
    assert len(telnyx.received) == 2
