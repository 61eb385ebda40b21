"""What the fold promises for any events: it ignores arrival, holds until its review, names its evidence."""

from dataclasses import replace
from itertools import chain, pairwise

from hypothesis import given
from hypothesis import strategies as st

from calls.event import Event
from calls.fold import fold
from calls.instants import MILLISECOND
from calls.records import TABLES, CallRecord, Row
from tests.unit.calls import made
from tests.unit.calls.made import Beside

UNJUDGED = ("not_in_scope", "not_eligible")
AS_OF = st.integers(0, 60).map(lambda ms: ms * MILLISECOND)


def rows(record: CallRecord) -> list[Row]:
    """Give all rows of a record."""
    return list(chain.from_iterable(getattr(record, table) for table in TABLES))


@made.UNTIMED
@given(made.sessions(), made.besides(), AS_OF, st.data())
def test_fold_ignores_order_and_repetition(
    events: list[Event], beside: Beside, as_of: int, data: st.DataObject
) -> None:
    """The same set of events and outages gives the same rows, in whatever order and however often it is told."""
    again = data.draw(st.lists(st.sampled_from(events)) if events else st.just([]))
    later = [replace(event, position=event.position + 100, received_at=10**9) for event in again]
    told = data.draw(st.permutations([*events, *again, *later]))
    outages = data.draw(st.permutations(beside.outages * 2))
    records = data.draw(st.permutations(beside.reconciliation * 2))
    otherwise = replace(beside, outages=outages, reconciliation=records)
    assert otherwise.fold(told, as_of) == beside.fold(events, as_of)


@made.UNTIMED
@given(made.sessions(), made.besides(), AS_OF)
def test_coverage_never_grows_by_telling_again(events: list[Event], beside: Beside, as_of: int) -> None:
    """Each event told once more, later and under another id, leaves the coverage and the conversation as they are."""
    twins = [
        replace(event, event_id=f"{event.event_id} again", position=event.position + 100, received_at=10**9)
        for event in events
    ]
    once, twice = beside.fold(events, as_of), beside.fold([*events, *twins], as_of)
    for table in ("coverage", "coverage_spans", "session_coverage"):
        one, two = ([replace(row, positions=()) for row in getattr(record, table)] for record in (once, twice))
        assert one == two


@made.UNTIMED
@given(made.sessions(), made.besides(), AS_OF)
def test_spans_split_the_talk_time(events: list[Event], beside: Beside, as_of: int) -> None:
    """A leg's spans follow on one another from answer to hangup, none empty, no two alike meet, and add up."""
    record = beside.fold(events, as_of)
    for leg, row in zip(record.call_legs, record.coverage, strict=True):
        spans = [span for span in record.coverage_spans if span.call_leg_id == leg.call_leg_id]
        if row.answered_us is None:
            assert not spans
            continue
        edges = [leg.answered_at, *(span.ended_at for span in spans)]
        assert [span.started_at for span in spans] == edges[:-1]
        assert edges[-1] == leg.hangup_at
        assert all(span.started_at < span.ended_at for span in spans)
        assert all(one.kind != other.kind for one, other in pairwise(spans))
        for kind in ("confirmed", "inferred", "unknown", "uncovered"):
            its = sum(span.ended_at - span.started_at for span in spans if span.kind == kind)
            assert (getattr(row, f"{kind}_us"), getattr(row, f"{kind}_ms")) == (its, its // MILLISECOND)
        assert row.answered_us == leg.talk_us


@made.UNTIMED
@given(made.sessions(), made.besides(), AS_OF)
def test_time_and_outages_make_nothing_worse_than_unknown(events: list[Event], beside: Beside, as_of: int) -> None:
    """A leg that is not final has no negative verdict, and one whose webhooks may be lost is never unrecorded."""
    record = beside.fold(events, as_of)
    negative = {"full_inferred", "partial_track", "partial", "unknown", "unrecorded"}
    assert all(row.finality == "final" for row in record.coverage if row.verdict in negative)
    blinded = replace(beside, outages=[(-1, 10**9)])
    for row in blinded.fold(events, as_of).coverage:
        assert row.verdict != "unrecorded"
        assert row.verdict in UNJUDGED or row.unknown_us is None or "ingest_outage" in row.flags


@made.UNTIMED
@given(made.sessions(), made.besides(), AS_OF, st.integers(0, 10**9))
def test_fold_is_constant_until_its_review(events: list[Event], beside: Beside, as_of: int, later_us: int) -> None:
    """Nothing changes by time alone before review_at, and nothing ever where there is none."""
    record = beside.fold(events, as_of)
    then = as_of + later_us
    if record.review_at is not None:
        assert record.review_at > as_of
        then = as_of + later_us % (record.review_at - as_of)
        assert rows(beside.fold(events, record.review_at)) != rows(record)
        assert beside.fold(events, record.review_at - 1) == record
    assert beside.fold(events, then) == record


@made.UNTIMED
@given(made.sessions(), made.besides(), AS_OF)
def test_rows_rest_on_positions_that_are_there(events: list[Event], beside: Beside, as_of: int) -> None:
    """Every row names the events it rests on, sorted, and the timeline names every distinct one."""
    stored = {event.position for event in events}
    record = beside.fold(events, as_of)
    for row in rows(record):
        assert row.positions
        assert set(row.positions) <= stored
        assert list(row.positions) == sorted(set(row.positions))
    distinct = {(event.event_id, event.canonical) for event in events}
    assert len({entry.position for entry in record.timeline}) == len(distinct)


@given(made.sessions(), AS_OF)
def test_rows_of_a_leg_are_final_together(events: list[Event], as_of: int) -> None:
    """The rows of a leg share its finality, those of the session its own: final when all legs are."""
    record = fold(events, as_of, made.SHORT)
    finality: dict[str | None, str] = {leg.call_leg_id: leg.finality for leg in record.call_legs}
    of_session = "final" if set(finality.values()) == {"final"} else "provisional"
    for row in rows(record):
        assert row.finality == finality.get(getattr(row, "call_leg_id", None), of_session)


@given(made.sessions(), AS_OF)
def test_every_table_is_numbered_from_one(events: list[Event], as_of: int) -> None:
    """Within a leg, ``seq`` counts the rows of a table from 1 in the order given."""
    record = fold(events, as_of, made.SHORT)
    numbered = ("siprec_sessions", "refer_attempts", "native_recordings", "coverage_spans", "dtmf", "client_states")
    for table in numbered:
        of_leg: dict[str | None, list[int]] = {}
        for row in getattr(record, table):
            of_leg.setdefault(row.call_leg_id, []).append(row.seq)
        assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in of_leg.values())


def test_nothing_folds_into_nothing() -> None:
    """No events give no rows."""
    assert fold([], 0) == CallRecord()


def test_semantic_duplicate_counts_once() -> None:
    """The same fact under another event id opens no second session, and is told as a duplicate."""
    events = made.numbered(made.event("siprec.started", 1, event_id="b"), made.event("siprec.started", 1, event_id="a"))
    record = fold(events, 0)
    assert [session.positions for session in record.siprec_sessions] == [(1,)]
    assert [(entry.event_id, entry.flags) for entry in record.timeline] == [
        ("a", ()),
        ("b", ("semantic_duplicate",)),
    ]


def test_both_halves_of_an_id_conflict_count() -> None:
    """One event id with two contents is two events, both flagged, and so is the session."""
    record = fold(
        made.numbered(made.event("siprec.failed", 1, event_id="a"), made.event("siprec.stopped", 9, event_id="a")),
        0,
    )
    assert len(record.siprec_sessions) == 2
    assert [entry.flags for entry in record.timeline] == [("id_conflict",), ("id_conflict",)]
    assert "id_conflict" in record.call_sessions[0].flags


def test_untimed_event_changes_no_row_and_comes_last() -> None:
    """An event without a usable time is shown, at the end, and otherwise counts for nothing but itself."""
    answered = made.event("call.answered", 5)
    record = fold(made.numbered(made.event("call.hangup", None), answered), 0)
    assert [leg.hangup_at for leg in record.call_legs] == [None]
    assert [(entry.event_type, entry.flags) for entry in record.timeline] == [
        ("call.answered", ()),
        ("call.hangup", ("untimed",)),
    ]
    assert record.call_sessions[0].events == 2


def test_leg_that_is_only_mentioned_has_a_row() -> None:
    """Any timed event gives its leg a row, whatever its type."""
    record = fold([made.event("call.brand_new", 5)], 0)
    assert [(leg.call_leg_id, leg.status) for leg in record.call_legs] == [("leg-1", "ringing")]


def test_legs_come_in_the_order_they_began() -> None:
    """Rows of the leg that was heard first come first."""
    events = [made.event("call.initiated", at, call_leg_id=leg) for at, leg in ((9, "a"), (3, "b"), (6, "c"))]
    assert [leg.call_leg_id for leg in fold(made.numbered(*events), 0).call_legs] == ["b", "c", "a"]
