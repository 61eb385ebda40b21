"""A wrong key loses no evidence: refused over HTTP, looked at and readmitted on the command line."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import simulator
from tests.acceptance import home as homes
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.store import log

NEW_KEY = simulator.key_from_seed("the key after the change")
URL = "https://s3.example/refused.mp3?sig=0123"
BODIES = {
    "plain": server.webhook(0),
    "with a URL": server.webhook(1, "call.recording.saved", recording_urls={"mp3": URL}),
    "large": server.webhook(2, "call.initiated", sip_headers=[{"name": "X-metadata", "value": "digit" * 10_000}]),
    "with digits": server.webhook(3, "call.dtmf.received", digit="7"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A database in which deliveries were refused, and the home of the server that did."""

    database: Database
    home: Path

    def run(self, *arguments: str, key: str = NEW_KEY.public) -> tuple[int, Any, str]:
        """Run a command with the new key configured; give its exit code, its JSON, and what it said."""
        given = server.environment(self.database, self.home, TELNYX_PUBLIC_KEY=key)
        ended = server.run(["log", *arguments], given, self.home)
        return ended.returncode, json.loads(ended.stdout) if ended.stdout.startswith("{") else None, ended.stderr

    @property
    def said(self) -> list[str | None]:
        """The types of what is in the log."""
        return [row["event_type"] for row in log.rows(self.database)]


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    """A server with the old key alone, to which Telnyx posted with the new one already."""
    home = tmp_path / "home"
    with server.serving(database, home) as site:
        strange = replace(site, key=NEW_KEY)
        assert [strange.post(body).status_code for body in BODIES.values()] == [401] * len(BODIES)
        assert strange.post(BODIES["plain"], {"telnyx-signature-ed25519": None}).status_code == 401
        homes.until(lambda: log.value(database, "SELECT count(*) FROM intake.rejections") == len(BODIES) + 1)
    return Place(database, home)


def test_refusals_can_be_looked_at(place: Place) -> None:
    """How many for which reason, then each: when, from where, why, and whether it can be readmitted; no bodies."""
    code, said, _ = place.run("rejections", "--json")
    assert code == 0
    assert {each["reason"]: each["refused"] for each in said["counts"]} == {
        "signature_mismatch": 4,
        "signature_missing": 1,
    }
    listed = said["rejections"]
    assert [each["body_bytes"] for each in listed] == [0, *(len(body) for body in reversed(BODIES.values()))]
    assert {each["remote_address"] for each in listed} == {"127.0.0.1"}
    assert [each["readmissible"] for each in listed] == ["no", "bytes not kept", *["with its key"] * 3]
    assert all("body" not in each for each in listed)
    assert URL not in json.dumps(said)

    _, said, _ = place.run("rejections", "--json", "--reason", "signature_missing", "--limit", "9")
    assert [each["reason"] for each in said["counts"] + said["rejections"]] == ["signature_missing"] * 2
    _, said, _ = place.run("rejections", "--json", "--since", "2999-01-01")
    assert said == {"counts": [], "rejections": []}
    code, _, told = place.run("rejections", "--since", "yesterday")
    assert (code, "ISO 8601" in told) == (2, True)
    given = server.environment(place.database, place.home)
    shown = server.run(["log", "rejections"], given, place.home)
    assert (shown.returncode, "signature_mismatch" in shown.stdout, "127.0.0.1" in shown.stdout) == (0, True, True)


def test_readmitting_takes_in_what_the_new_key_verifies(place: Place) -> None:
    """What would be readmitted is said first; then it is in the log as it was received, and why it came late."""
    code, said, _ = place.run("readmit", "--json", key=server.KEY.public)
    assert (code, said["readmitted"], place.said) == (0, [], ["key.trusted"])
    code, said, _ = place.run("readmit", "--dry-run", "--json")
    assert (code, place.said) == (0, ["key.trusted"])
    would = [each["event_id"] for each in said["readmitted"]]
    code, said, _ = place.run("readmit", "--json", key=f"old={server.KEY.public},new={NEW_KEY.public}")
    assert (code, [each["event_id"] for each in said["readmitted"]]) == (0, would)
    assert would == ["event-0", "event-1", "event-2"]
    assert {each["key"] for each in said["readmitted"]} == {"new"}
    assert [each["reason"] for each in said["refused"]] == ["bytes_not_kept"]

    assert place.said == [
        *["key.trusted"] * 3,  # the server's one, and the two, with other labels, that they were judged by
        "log.readmitted",
        "call.answered",
        "call.recording.saved",
        "call.initiated",
    ]
    plain, url, large = log.rows(place.database)[4:]
    assert (plain["body"], large["body"]) == (BODIES["plain"], BODIES["large"])
    assert URL.encode() not in url["body"]
    assert all(row["signature"] is not None for row in (plain, url, large))
    assert time.time() - plain["received_at"].timestamp() < 600
    _, _, told = place.run("readmit")
    assert told.endswith("0 readmitted, 1 not: 1 bytes_not_kept\n")
    assert len(place.said) == 7
    _, said, _ = place.run("rejections", "--json", "--limit", "5")
    assert sorted(each["readmissible"] for each in said["rejections"]) == ["bytes not kept", *["done"] * 3, "no"]

    with server.working(place.database, place.home):  # it stumbles over nothing that the program said of them
        homes.until(lambda: log.value(place.database, "SELECT max(position) FROM calls.progress") == len(place.said))
    assert log.value(place.database, "SELECT count(*) FROM calls.call_sessions") == 3
