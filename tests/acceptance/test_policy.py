"""The policy as an officer types it: shown, checked against the past, applied, refused."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest

from calls import instants
from calls.event import Event
from calls.instants import SECOND
from store import policies
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.callaudit import test_log_verify
from tests.integration.projections import journal
from tests.integration.store import sealed
from tests.unit.calls import made

NOW_MS = datetime.now(UTC).timestamp() * 1_000
NO_PRIVATE_LINES = """
# Private lines are nobody's business: \u00fcberhaupt nicht.
[[rule]]
name = "private lines"
number = "+4930555*"
record = "must_not"
"""
SHORT_CALLS = '[[rule]]\nname = "the rest"\nmin_duration_ms = 60_000\nrecord = "must"\n'


def call(number: int, called: str, *, recorded: bool, days_ago: int) -> list[Event]:
    """Make an answered incoming call of nine seconds."""
    began = NOW_MS - days_ago * 86_400_000
    named = {
        "call_session_id": f"ses-{number}",
        "call_leg_id": f"leg-{number}",
        "direction": "incoming",
        "from": "+4930555999",
        "to": called,
    }
    told = [("call.answered", 1_000), ("siprec.started", 1_500), ("siprec.stopped", 9_900), ("call.hangup", 10_000)]
    kept = [each for each in told if recorded or not each[0].startswith("siprec")]
    return [
        made.event(event_type, began + at_ms, event_id=f"{event_type} {number}", **named) for event_type, at_ms in kept
    ]


@pytest.fixture
def given(database: Database, tmp_path: Path) -> dict[str, str]:
    """Give the environment of a program with four calls, two of them to private lines, one of them long ago."""
    journal.write(
        database,
        [
            *call(1, "+4930555100", recorded=True, days_ago=2),
            *call(2, "+4930555200", recorded=False, days_ago=3),
            *call(3, "+4930777100", recorded=True, days_ago=4),
            *call(4, "+4930555300", recorded=True, days_ago=60),
        ],
    )
    journal.projected(database, round(NOW_MS * 1_000))
    (tmp_path / "office.toml").write_text(NO_PRIVATE_LINES, encoding="utf-8")
    return server.environment(database, tmp_path)


def asked(given: dict[str, str], *arguments: str) -> Any:
    """Run ``policy ...`` that answers in JSON."""
    ran = server.run(["policy", *arguments, "--json"], given, Path(given["CALLAUDIT_HOME"]))
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return orjson.loads(ran.stdout)


def verdicts(database: Database) -> dict[str, tuple[str, int, str | None]]:
    """Give each leg's verdict, with the version and the rule that it is by."""
    rows = journal.tables(database)["coverage"]
    return {row["call_leg_id"]: (row["verdict"], row["policy_version"], row["policy_rule"]) for row in rows}


BY_DEFAULT = {
    "leg-1": ("full", 0, None),
    "leg-2": ("unrecorded", 0, None),
    "leg-3": ("full", 0, None),
    "leg-4": ("full", 0, None),
}
WOULD_CHANGE = [
    {
        "verdict": "full",
        "over_recorded": False,
        "verdict_would_be": "not_in_scope",
        "over_recorded_would_be": True,
        "legs": 1,
        "examples": [{"call_session_id": "ses-1", "call_leg_id": "leg-1"}],
    },
    {
        "verdict": "unrecorded",
        "over_recorded": False,
        "verdict_would_be": "not_in_scope",
        "over_recorded_would_be": False,
        "legs": 1,
        "examples": [{"call_session_id": "ses-2", "call_leg_id": "leg-2"}],
    },
]


def test_policy_is_checked_applied_and_judges_from_then_on(
    database: Database, given: dict[str, str], tmp_path: Path
) -> None:
    """Past verdicts stay as they are, whatever they would be; a call answered later is judged by the new version."""
    checked = asked(given, "check", "office.toml")
    assert (checked["version"], checked["legs"], checked["changes"]) == (1, 3, WOULD_CHANGE)
    everything = asked(given, "check", "office.toml", "--since", "1970-01-01")
    assert (everything["legs"], everything["legs_changed"]) == (4, 3)
    assert journal.value(database, "SELECT count(*) FROM log.events WHERE source = 'system'") == 0

    applied = asked(given, "apply", "office.toml", "--reason", " works agreement ")
    assert (applied["applied"], applied["version"], applied["changes"]) == (True, 1, WOULD_CHANGE)
    assert applied["sha256"] == policies.digest(NO_PRIVATE_LINES)
    (body,) = _bodies(database)
    assert orjson.loads(body)["data"]["payload"] == {
        "document": NO_PRIVATE_LINES,
        "sha256": policies.digest(NO_PRIVATE_LINES),
        "reason": "works agreement",
    }

    later = call(5, "+4930555100", recorded=True, days_ago=-1)
    journal.write(database, [*later, *call(6, "+4930777100", recorded=True, days_ago=-1)])
    journal.projected(database, round(NOW_MS * 1_000) + 2 * 86_400 * SECOND)
    assert verdicts(database) == {
        **BY_DEFAULT,
        "leg-5": ("not_in_scope", 1, "private lines"),
        "leg-6": ("full", 1, None),
    }

    again = server.run(["policy", "apply", "office.toml"], given, tmp_path)
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr == "this text is in force already, as version 1: nothing is done\n"
    assert len(_bodies(database)) == 1


def test_versions_are_shown(database: Database, given: dict[str, str], tmp_path: Path) -> None:
    """As they were written, by number; the built-in one is 0, and one that cannot be read says why."""
    built_in = asked(given, "show")
    assert (built_in["version"], built_in["state"], built_in["in_force_at"]) == (0, "in_force", None)
    assert "late_grace_ms = 900000" in built_in["document"]
    now = round(NOW_MS * 1_000)
    journal.say(database, journal.policy(NO_PRIVATE_LINES, now - 9), journal.policy("[tomorrow]\n", now - 5))
    shown = asked(given, "show")
    assert (shown["version"], shown["document"]) == (1, NO_PRIVATE_LINES)
    assert [row["version"] for row in shown["versions"]] == [0, 1, 2]
    assert shown["versions"][1]["in_force_at"] == instants.to_text(now - 9)
    assert "policy_unknown_key" in shown["versions"][2]["state"]
    assert asked(given, "show", "--version", "2")["document"] == "[tomorrow]\n"
    printed = server.run(["policy", "show", "--version", "1"], given, tmp_path)
    assert printed.stdout.startswith(NO_PRIVATE_LINES)
    unknown = server.run(["policy", "show", "--version", "3"], given, tmp_path)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "[policy_version_unknown]" in unknown.stderr


@pytest.mark.parametrize("command", ["check", "apply"])
def test_mistake_is_one_sentence_with_its_line(
    database: Database, given: dict[str, str], tmp_path: Path, command: str
) -> None:
    """Exit code 2, file, line and reason; nothing goes on the record."""
    (tmp_path / "wrong.toml").write_text("[defaults]\n\nlate_grace = 5\n", encoding="utf-8")
    refused = server.run(["policy", command, "wrong.toml"], given, tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    sentence = r"callaudit: wrong\.toml, line 3: there is no key 'late_grace' here; .*\[policy_unknown_key\]\n"
    assert re.fullmatch(sentence, refused.stderr)
    for path in ("nowhere.toml", "."):
        unreadable = server.run(["policy", command, path], given, tmp_path)
        assert unreadable.returncode == 2
        assert re.fullmatch(r"callaudit: \S+ cannot be read: .* \[policy_file_unreadable\]\n", unreadable.stderr)
    assert _bodies(database) == []


def test_change_is_printed_for_people(given: dict[str, str], tmp_path: Path) -> None:
    """How many legs, from which verdict to which, and where to look."""
    (tmp_path / "short.toml").write_text(SHORT_CALLS, encoding="utf-8")
    checked = server.run(["policy", "check", "short.toml"], given, tmp_path)
    assert checked.returncode == 0, checked.stderr
    first, _, *rows = checked.stdout.splitlines()
    assert re.fullmatch(r"of 3 legs since \d{4}-\d\d-\d\d, 3 would have another verdict", first)
    assert [row.split() for row in rows] == [
        ["full", "not_eligible", "2", "leg-1,", "leg-3"],
        ["unrecorded", "not_eligible", "1", "leg-2"],
    ]


def test_verification_accepts_a_policy_on_record(database: Database, tmp_path: Path) -> None:
    """It is an event that the program itself writes, hashed and sealed as all others."""
    sealed.write(database, [sealed.trusted()])
    journal.say(database, journal.policy(NO_PRIVATE_LINES, 5))
    with psycopg.connect(database.as_part("worker")) as connection:
        last = sealed.seal(connection, (2,))[-1]
    code, said = test_log_verify.answer(database, test_log_verify.home_of(tmp_path, last))
    assert (code, said["integrity"], said["first_wrong"]) == (0, "intact", None)


def _bodies(database: Database) -> list[bytes]:
    """Give the bodies of all policies on record."""
    with psycopg.connect(database.url) as connection:
        rows = connection.execute("SELECT body FROM log.events WHERE event_type = 'policy.applied' ORDER BY position")
        return [body for (body,) in rows]
