"""Facts made from folded calls."""

from typing import Any

import pytest

from calls.records import CallRecord
from reports import facts
from tests.unit.reports import report_rows as rows


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (None, None),
        ("no_answer", "no_answer"),
        ("", ""),
        (17, "17"),
        (-3, "-3"),
        (10**40, "1" + "0" * 40),
        (1.0, "1"),
        (1.50, "1.5"),
        (1e22, "1" + "0" * 22),
        (1e-7, "0.0000001"),
        (-0.0, "0"),
        (True, "true"),
        (False, "false"),
        ([1], "[...]"),
        ({"a": 1}, "{...}"),
    ],
)
def test_raw_text_is_what_an_analyst_reads(raw: Any, text: str | None) -> None:
    """Scalars are their text, numbers in their shortest form, and the rest is named by its kind."""
    assert facts.raw_text(raw) == text


def test_row_is_placed_by_the_first_instant_known() -> None:
    """A session counts by its start, else by its end; one with neither is in no day."""
    record = CallRecord(
        siprec_sessions=(
            rows.siprec(started_at=5, ended_at=9),
            rows.siprec(started_at=None, ended_at=facts.DAY_US),
            rows.siprec(started_at=None, ended_at=-1),
            rows.siprec(started_at=None, ended_at=None),
        )
    )
    table = facts.from_records([record], 3)["siprec_sessions"].to_pylist()
    assert [(row["at_us"], row["utc_day"]) for row in table] == [
        (5, 0),
        (facts.DAY_US, 1),
        (-1, -1),
        (None, None),
    ]
    assert (table[0]["started_us"], table[0]["ended_us"]) == (5, 9)


def test_leg_and_its_coverage_are_in_one_day() -> None:
    """By the answer, else the hangup, else the initiation: reports of legs and of coverage count it alike."""
    day = facts.DAY_US
    for answered, hangup, initiated, expected in ((3, 5, 1, 3), (None, day, day - 1, day), (None, None, 7, 7)):
        leg = rows.leg(answered_at=answered, hangup_at=hangup, initiated_at=initiated)
        covered, _ = rows.covered("unknown", (), answered_at=answered, hangup_at=hangup)
        tables = facts.from_records([CallRecord(call_legs=(leg,), coverage=(covered,))], 3)
        (of_leg,), (of_coverage,) = (tables[name].to_pylist() for name in ("call_legs", "coverage"))
        assert of_leg["at_us"] == of_coverage["at_us"] == expected
        assert of_leg["utc_day"] == of_coverage["utc_day"]


def test_position_is_a_fact() -> None:
    """The position that the records were folded up to can be asked for like any fact."""
    assert facts.from_records([], 3)["log_position"].to_pylist() == [{"position": 3}]


def test_leg_of_which_only_recordings_were_heard_is_placed_by_the_first_event() -> None:
    """It is in some day of every report; what is known of its end or start places it before that."""
    leg, _ = rows.covered("unknown", (), answered_at=None)
    record = CallRecord(coverage=(leg,), timeline=(rows.event(1, 9, occurred_at=7), rows.event(2, 9, occurred_at=5)))
    (fact,) = facts.from_records([record], 3)["coverage"].to_pylist()
    assert (fact["at_us"], fact["utc_day"], fact["placed_us"]) == (5, 0, None)


def test_text_is_as_the_tables_can_hold_it() -> None:
    """A NUL, which Postgres text cannot hold, is the same replacement in facts made without it."""
    leg, _ = rows.covered(connection_id="a\x00b", tags=("desk:a\x00b",))
    (fact,) = facts.from_records([CallRecord(coverage=(leg,))], 3)["coverage"].to_pylist()
    assert (fact["connection_id"], fact["tags"]) == ("a\ufffdb", '["desk:a\ufffdb"]')
