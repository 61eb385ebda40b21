"""Policies and outages on the record: kept, applied to the calls they are about, and the same in a rebuild."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from calls import instants
from calls.event import Event
from calls.instants import MILLISECOND, SECOND, Instant
from calls.policy import Policy
from projections import circumstances, project, rebuild
from store import policies, system
from store.entry import Entry
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.projections.journal import Clock
from tests.unit.calls import made

SETTLED = made.hours(24)
QUICK = Policy(skew_tolerance_ms=2, late_grace_ms=1_500, stale_after_ms=1_000, refer_timeout_ms=500)
PATIENT = "[defaults]\nlate_grace_ms = 604_800_000\n"
BY_RULES = """
[[rule]]
name = "calls in"
direction = "incoming"
record = "must_not"
late_grace_ms = 9

[[rule]]
name = "tagged"
tag = "a"
record = "free"
"""
HASTY = "[defaults]\nlate_grace_ms = 3\nstale_after_ms = 2\nskew_tolerance_ms = 0\n"

few = settings(max_examples=10, deadline=None, phases=(Phase.explicit, Phase.generate))
"""Each example has a database of its own; making it smaller would take minutes."""


def call(number: int, answered_ms: int) -> list[Event]:
    """Make an answered call of a second's length."""
    named = {"call_session_id": f"ses-{number}", "call_leg_id": f"leg-{number}"}
    return [
        made.event("call.answered", answered_ms, event_id=f"answer {number}", **named),
        made.event("call.hangup", answered_ms + 1_000, event_id=f"hangup {number}", **named),
    ]


def forged(**payload: object) -> Entry:
    """Make an event of a policy that no honest program wrote."""
    return system.event(system.POLICY_APPLIED, payload, 5, occurred_us=5)


def settle(database: Database, clock: Clock, **options: object) -> None:
    """Project all there is, a second after anything that is put off."""
    projector = journal.projector(database, clock, **options)
    with projector.connection:
        projector.catch_up()
        clock.now += SECOND
        projector.catch_up()


def finalities(database: Database) -> list[str]:
    """Give the finality of each call, in their order."""
    rows = journal.tables(database)["call_sessions"]
    return [row["finality"] for row in sorted(rows, key=lambda row: row["call_session_id"])]


def test_policies_and_outages_are_kept(database: Database) -> None:
    """Each version by its number among them, each outage by its position."""
    journal.say(database, journal.policy(PATIENT, 7), journal.outage(3, 9), journal.policy(HASTY, 11))
    journal.projected(database, SETTLED)
    rows, outages = journal.kept(database)
    assert rows == [
        (1, 0, 7, policies.digest(PATIENT), PATIENT),
        (2, 2, 11, policies.digest(HASTY), HASTY),
    ]
    assert outages == [(1, 3, 9, None)]


def test_only_what_the_program_says_counts(database: Database) -> None:
    """A webhook of the same type, signed or not, is no policy and no outage."""
    for event_type, payload in (
        ("policy.applied", {"document": PATIENT, "sha256": policies.digest(PATIENT)}),
        ("ingest.outage", {"from": instants.to_text(1), "to": instants.to_text(9)}),
    ):
        journal.write(database, [made.event(event_type, 1, **payload)])
    journal.projected(database, SETTLED)
    assert journal.kept(database) == ([], [])


def test_call_is_judged_by_the_version_in_force_at_its_answer(database: Database) -> None:
    """Whether the policy is projected before the call or after it; earlier calls keep their verdict."""
    clock = Clock(SETTLED)
    journal.write(database, [*call(1, 1_000), *call(2, 20_000)])
    settle(database, clock)
    assert finalities(database) == ["final", "final"]
    before = journal.versions(database)
    journal.say(database, journal.policy(PATIENT, 20 * SECOND))
    settle(database, clock)
    journal.write(database, call(3, 30_000))
    settle(database, clock)
    assert finalities(database) == ["final", "provisional", "provisional"]
    untouched = {row: place for row, place in before.items() if "ses-1" in row[1]}
    assert untouched.items() <= journal.versions(database).items()
    assert journal.tables(database) == journal.expected(journal.events(database), clock.now)


def test_calls_that_a_policy_concerns_are_put_off_and_said_to_be(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until all of them are folded again, the projected position is that of the policy."""
    monkeypatch.setattr(project, "SESSIONS_PER_STEP_MAX", 10)
    journal.write(database, [event for number in range(15) for event in call(number, 1_000 + number)])
    clock = Clock(SETTLED)
    settle(database, clock, events_per_step=100)
    (position,) = journal.say(database, journal.policy(PATIENT, 0))
    projector = journal.projector(database, clock)
    with projector.connection:
        assert projector.step().sessions == 10
        assert journal.projected_position(database) == position
        assert projector.step().sessions == 5
    assert journal.projected_position(database) == position + 1
    assert set(finalities(database)) == {"provisional"}


def test_outage_concerns_the_calls_that_it_meets(database: Database) -> None:
    """From their answer to the end of the grace after their hangup, and those that never ended."""
    journal.write(database, [*call(1, 1_000), *call(2, 100_000), *call(3, 1_000_000), call(4, 90_000)[0]])
    journal.projected(database, SETTLED)
    with psycopg.connect(database.url) as connection, connection.cursor() as cursor:
        for begins_ms, ends_ms, concerned in (
            (0, 999, set()),
            (0, 1_001, {"ses-1"}),
            (900_000, 950_000, {"ses-1", "ses-2", "ses-4"}),
            (902_001, 950_000, {"ses-2", "ses-4"}),
            (2_000_000, 2_000_001, {"ses-4"}),
        ):
            event = replace(
                made.event("ingest.outage", begins_ms, position=begins_ms, **_period(begins_ms, ends_ms)),
                source="system",
            )
            assert set(circumstances.take_in(cursor, [event]).concerned) == concerned, begins_ms
            connection.rollback()


def _period(begins_ms: int, ends_ms: int) -> dict[str, str]:
    return {
        "from": instants.to_text(begins_ms * MILLISECOND),
        "to": instants.to_text(ends_ms * MILLISECOND),
    }


def test_outages_are_found_by_what_they_meet() -> None:
    """Those that end after a session's first event and begin while it may still be waited for."""
    reach = circumstances.REACH_US
    outages = circumstances.Outages(
        [(0, 500), (10, 100), (150, 160), (999 + reach, 999 + reach + 5), (1_001 + reach,) * 2]
    )
    events = [made.event("call.answered", 0.1), made.event("call.hold", None), made.event("call.hangup", 1)]
    assert outages.meeting(events) == ((0, 500), (150, 160), (999 + reach, 1_004 + reach))
    assert outages.meeting([]) == circumstances.Outages().meeting(events) == ()


UNREADABLE = {
    "no text": forged(),
    "a text that is not the one it says it is": forged(document=PATIENT, sha256="0" * 64),
    "a later program's": forged(document="[tomorrow]\n", sha256=policies.digest("[tomorrow]\n")),
    "no text at all": forged(document={"a": ["\u0000"]}, sha256=7),
    "a NUL in it": forged(document="# \u0000\n", sha256=policies.digest("# \u0000\n")),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_version_that_cannot_be_read_has_no_effect_and_is_told(database: Database, what: str) -> None:
    """It keeps its number and its text; the version before it stays in force, and the projector goes on."""
    told: list[tuple[int, str]] = []
    journal.say(database, journal.policy(PATIENT, 0), UNREADABLE[what])
    journal.write(database, call(1, 1_000))
    clock = Clock(SETTLED)
    settle(database, clock, unreadable=lambda version, error: told.append((version, error.reason)))
    assert [version for version, _ in told] == [2]
    assert [version for version, *_ in journal.kept(database)[0]] == [1, 2]
    assert finalities(database) == ["provisional"]


def test_outage_that_is_declared_later_makes_what_is_not_known_unknown(database: Database) -> None:
    """Of final calls, too: a recording may have ended in the outage. Others keep their rows; that is no revision."""
    begin = made.event("siprec.started", 1_000, call_session_id="ses-1", call_leg_id="leg-1")
    journal.write(database, [begin, *call(1, 1_000), *call(2, 20_000)])
    clock = Clock(SETTLED)
    settle(database, clock)
    assert set(finalities(database)) == {"final"}
    before = journal.versions(database)
    journal.say(database, journal.outage(1_500 * MILLISECOND, 1_700 * MILLISECOND))
    settle(database, clock)
    rows = {row["call_leg_id"]: row for row in journal.tables(database)["coverage"]}
    assert (rows["leg-1"]["verdict"], rows["leg-1"]["inferred_ms"], rows["leg-1"]["unknown_ms"]) == (
        "unknown",
        500,
        500,
    )
    assert (rows["leg-1"]["finality"], rows["leg-1"]["revision"], rows["leg-1"]["revised_by"]) == ("final", 1, None)
    untouched = {row: place for row, place in before.items() if "ses-2" in row[1]}
    assert untouched.items() <= journal.versions(database).items()
    assert _differing(database, clock) == {}


def test_rebuild_puts_tampered_policies_and_outages_right(database: Database) -> None:
    """And with them the calls that they judge."""
    journal.say(database, journal.policy(HASTY, 0), journal.outage(3, 9), journal.policy(PATIENT, 5), forged())
    journal.write(database, call(1, 1_000))
    clock = Clock(SETTLED)
    settle(database, clock)
    true = journal.tables(database), journal.kept(database)
    with psycopg.connect(database.url) as connection:
        connection.execute("DELETE FROM calls.policies WHERE version = 2")
        connection.execute("UPDATE calls.outages SET reason = 'nothing happened'")
        connection.execute("INSERT INTO calls.outages VALUES (77, now(), now() + '1 s', NULL)")
    found = _differing(database, clock)
    assert {name: found[name] for name in ("policies", "outages")} == {"policies": (0, 1), "outages": (2, 1)}
    assert (journal.tables(database), journal.kept(database)) == true
    assert _differing(database, clock) == {}


def test_rebuild_takes_in_a_policy_that_comes_meanwhile(database: Database) -> None:
    """Calls folded already are folded again in scratch as they are live."""
    journal.write(database, [*call(1, 1_000), *call(2, 20_000)])
    clock = Clock(SETTLED)
    settle(database, clock)
    late = [journal.policy(PATIENT, 20 * SECOND), journal.outage(SECOND, 2 * SECOND)]

    def meanwhile(what: str, *_: int) -> None:
        if what == "sessions" and late:
            journal.say(database, *late)
            late.clear()

    assert _differing(database, clock, progress=meanwhile) == {}
    assert not late
    assert finalities(database) == ["final", "provisional"]
    assert journal.kept(database)[0][0][0] == 1


def _differing(database: Database, clock: Clock, **options: object) -> dict[str, tuple[int, int]]:
    found = rebuild.rebuild(database.as_part("worker"), clock, processes=1, **options)  # pyright: ignore[reportArgumentType]
    return {each.table: (each.gone, each.new) for each in found if each.gone or each.new}


_MS = st.integers(0, 20)
_DOCUMENTS = st.sampled_from(
    [
        PATIENT,
        HASTY,
        "[defaults]\nlate_grace_ms = 1_500\n",
        BY_RULES,
        "what is this",
    ]
)


@st.composite
def _said(draw: st.DrawFn) -> Entry:
    """Draw a policy or an outage."""
    begins, ends = sorted((draw(_MS), draw(_MS)))
    if draw(st.booleans()):
        return journal.policy(draw(_DOCUMENTS), begins * MILLISECOND)
    return journal.outage(begins * MILLISECOND, (ends + 1) * MILLISECOND)


@st.composite
def _arrivals(draw: st.DrawFn) -> Sequence[tuple[bytes, Instant] | Entry]:
    """Draw webhooks of a few sessions, and policies and outages, in any order."""
    webhooks = [
        (journal.body(event, call_session_id=f"ses-{n}", call_leg_id=f"{event.call_leg_id}-{n}"), event.received_at)
        for n in range(draw(st.integers(1, 3)))
        for event in draw(made.sessions())
    ]
    return draw(st.permutations([*webhooks, *draw(st.lists(_said(), min_size=1, max_size=4))]))


@few
@given(data=st.data())
def test_live_is_rebuilt_whatever_is_said_and_when(clone: Callable[..., Database], data: st.DataObject) -> None:
    """Policies and outages at random places among random calls: live, rebuilt and the plain fold say the same."""
    arrivals = data.draw(_arrivals())
    database, clock = clone(), Clock(SECOND)
    projector = journal.projector(database, clock, policy=QUICK, events_per_step=data.draw(st.integers(1, 5)))
    with projector.connection:
        for arrival in arrivals:
            journal.say(database, arrival) if isinstance(arrival, Entry) else journal.write_bodies(database, [arrival])
            clock.now += data.draw(st.sampled_from((0, 400, 1_000, 3_000))) * MILLISECOND
            if data.draw(st.booleans()):
                projector.step()
        projector.catch_up()
        clock.now += SECOND
        projector.catch_up()
    log = journal.events(database)
    assert journal.tables(database) == journal.expected(log, clock.now, QUICK)
    assert journal.kept(database) == (journal.policies_of(log), journal.outages_of(log))
    assert _differing(database, clock, policy=QUICK) == {}
