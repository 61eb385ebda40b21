"""What another policy would change is what it does change, had it been in force."""

from collections import Counter
from itertools import pairwise

import psycopg
import pytest

import simulator
from calls import instants, policy_file
from calls.policies import Version
from projections import as_if
from tests.conftest import Database
from tests.integration.projections import journal

AFTERNOON = simulator.simulate(seed=9, start=0, calls=40)
SETTLED = AFTERNOON.truth.settled_at
BODIES = [(one.body, one.send_at) for one in AFTERNOON.deliveries if one.forgery is None]
DOCUMENTS = {
    "strict": '[defaults]\nstart_grace_ms = 0\nstop_tolerance_ms = 0\naccepted_sources = ["siprec"]\n',
    "nobody must": '[[rule]]\nname = "all"\nrecord = "must_not"\n',
    "outgoing are free": '[[rule]]\nname = "out"\ndirection = "outgoing"\nrecord = "free"\nlate_grace_ms = 1_000\n',
    "the built-in one": "",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_answer_is_what_happens_when_the_policy_is_applied(database: Database, name: str) -> None:
    """From the beginning of time: then every call of the afternoon is judged by it."""
    document = DOCUMENTS[name]
    journal.write_bodies(database, BODIES)
    was = _outcomes(journal.projected(database, SETTLED))
    folded: list[tuple[int, int]] = []
    with psycopg.connect(database.as_part("auditor")) as connection:
        version = Version(1, instants.FIRST, policy_file.read(document))
        answer = as_if.compare(connection, version, 0, SETTLED, lambda *done: folded.append(done))
    assert _outcomes(journal.tables(database)) == was
    assert all(one < other for one, other in pairwise(folded))
    assert bool(folded) == (document != "")

    journal.say(database, journal.policy(document, 0))
    would_be = _outcomes(journal.projected(database, SETTLED))
    changed = Counter((was[leg], would_be[leg]) for leg in was if was[leg] != would_be[leg])
    assert {(each.was, each.would_be): each.legs for each in answer.changes} == changed
    assert (answer.legs, answer.changed) == (len(was), changed.total())
    assert bool(changed) == (document != "")
    for change in answer.changes:
        assert 0 < len(change.examples) <= min(change.legs, as_if.EXAMPLES_MAX)
        assert all((was[leg], would_be[leg]) == (change.was, change.would_be) for leg in change.examples)


def _outcomes(tables: journal.Tables) -> dict[tuple[str, str], as_if.Outcome]:
    return {
        (row["call_session_id"], row["call_leg_id"]): as_if.Outcome(row["verdict"], "over_recorded" in row["flags"])
        for row in tables["coverage"]
    }
