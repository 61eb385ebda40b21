"""Commands find their call whenever it turns up, live, in a rebuild, and as of then alike."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

import reports
from calls import instants
from calls.event import Event
from gateway import parsing
from gateway.record import Caller, Command, Recorder
from gateway.signing import Signer
from projections import rebuild
from reports import as_of
from reports.as_of import AsOf
from store.entry import Entry
from tests.conftest import Database
from tests.integration.projections import journal
from tests.unit.calls import made

RECORDER = Recorder(Signer(bytes(32)))
CONTROL = "v3:1"
LATE = made.hours(9)
DAY = {"from_": "1970-01-01", "to": "1970-01-02"}
CALL = [
    made.event(kind, at, call_control_id=CONTROL, call_session_id="ses-1", call_leg_id="leg-1")
    for kind, at in (
        ("call.initiated", 0),
        ("call.answered", 1_000),
        ("siprec.started", 3_000),
        ("call.hangup", 60_000),
    )
]


def asked(action: str, at_ms: int, command_id: str, control_id: str | None = CONTROL) -> list[Entry]:
    """Make what the gateway puts on record of a command that Telnyx took."""
    path = f"/v2/calls/{control_id}/actions/{action}" if control_id else "/v2/siprec_connectors"
    caller = Caller(actor="ada", key_id="k", address="::1", purpose="training")
    command = Command(target=parsing.target("POST", path.encode(), b""), caller=caller, command_id=command_id)
    at = at_ms * instants.MILLISECOND
    return [
        RECORDER.requested(command, b'{"siprec_track":"inbound_track"}', at),
        RECORDER.entry("command.sent", command, at),
        RECORDER.entry("command.accepted", command, at + 100, http_status=200),
    ]


def heard(events: Sequence[Event]) -> list[tuple[bytes, int]]:
    """Give events as deliveries."""
    return [(journal.body(event), event.received_at) for event in events]


def rows(database: Database) -> list[dict[str, Any]]:
    """Give what the table has of commands."""
    columns = ("command_id", "call_session_id", "call_leg_id", "state", "outcome", "actor")
    with psycopg.connect(database.as_part("analyst")) as connection:
        query = f"SELECT {', '.join(columns)} FROM calls.commands ORDER BY requested_at, command_id"  # noqa: S608
        return [dict(zip(columns, row, strict=True)) for row in connection.execute(query)]


@pytest.mark.parametrize("first", ["command", "call", "between"])
def test_a_command_is_of_the_call_that_its_control_id_names(database: Database, first: str) -> None:
    """Whichever came first: in the end it is in the call's rows, and nowhere else; a rebuild says the same."""
    steps: dict[str, list[Any]] = {
        "command": [asked("siprec_start", 2_900, "c-1"), CALL],
        "call": [CALL, asked("siprec_start", 2_900, "c-1")],
        "between": [CALL[:2], asked("siprec_start", 2_900, "c-1"), CALL[2:]],
    }
    for step in steps[first]:
        if isinstance(step[0], Event):
            journal.write_bodies(database, heard(step))
        else:
            journal.say(database, *step)
        journal.projected(database, LATE)
    named = "00000000-0000-0000-0000-000000000000"
    assert [{**row, "command_id": named} for row in rows(database)] == [
        {
            "command_id": named,
            "call_session_id": "ses-1",
            "call_leg_id": "leg-1",
            "state": "confirmed",
            "outcome": "started",
            "actor": "ada",
        }
    ]
    assert journal.value(database, "SELECT count(*) FROM calls.timeline WHERE call_session_id = 'ses-1'") == 7
    assert journal.value(database, "SELECT count(*) FROM calls.timeline") == 7
    assert journal.value(database, "SELECT track_evidence FROM calls.coverage") == "command"
    rebuilt = rebuild.rebuild(database.as_part("worker"), lambda: LATE, processes=1, apply=False)
    assert [each for each in rebuilt if each.gone or each.new] == []


def test_commands_of_no_call_are_kept_and_reported(database: Database) -> None:
    """One for a call that nobody heard of, one about no call: each has a line; live and as of then say the same."""
    journal.write_bodies(database, heard(CALL))
    journal.say(database, *asked("siprec_start", 2_900, "c-1"), *asked("refer", 5_000, "c-2", "v3:other"))
    journal.say(database, *asked("", 7_000, "c-3", None))
    journal.projected(database, LATE)
    live = reports.run("command_audit", database.as_part("analyst"), **DAY)
    exceptions = reports.run("coverage_exceptions", database.as_part("analyst"), **DAY)
    told = exceptions[["call_leg_id", "command_action", "command_by", "command_purpose", "command_state"]]
    assert told.to_numpy().tolist() == [["leg-1", "siprec_start", "ada", "training", "confirmed"]]
    assert live["command_id"].tolist() == ["c-1", "c-2", "c-3"]
    assert live["call_session_id"].tolist() == ["ses-1", "v3:other", "c-3"]
    assert live["state"].tolist() == ["confirmed", "expired", "accepted"]
    assert live["exception"].fillna("").tolist() == ["", "expired", ""]
    assert live["flags"].tolist() == ["", "call_unknown", "call_unknown"]
    assert live["purpose"].unique().tolist() == ["training"]
    head = journal.value(database, "SELECT count(*) FROM log.events")
    with as_of.folded(database.as_part("auditor"), AsOf(head, LATE), processes=1) as engine:
        then = reports.run("command_audit", engine, **DAY)
        assert reports.run("coverage_exceptions", engine, **DAY).equals(exceptions)
    assert then.equals(live)
    rebuilt = rebuild.rebuild(database.as_part("worker"), lambda: LATE, processes=1, apply=False)
    assert [each for each in rebuilt if each.gone or each.new] == []
