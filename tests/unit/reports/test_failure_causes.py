"""The causes report over endings whose answer can be counted by hand."""

from typing import Any

import pandas as pd

import reports
from tests.unit.reports import report_rows as rows

BUSY = {"cause_name": "USER_BUSY", "cause_fault_domain": "capacity"}
NORMAL = {"cause_name": "NORMAL_CLEARING", "cause_raw": "normal_clearing", "cause_fault_domain": "normal"}


def report(*endings: Any, by: str = "total") -> pd.DataFrame:
    """Run the report over the day around noon."""
    return reports.run("failure_causes", rows.engine(*endings), from_="2026-10-02", to="2026-10-03", by=by)


def of(frame: pd.DataFrame, subject: str, *names: str) -> list[tuple[Any, ...]]:
    """Give some columns of a subject's rows."""
    chosen = frame[frame["subject"] == subject][list(names)]
    return [tuple(None if pd.isna(value) else value for value in row) for row in chosen.itertuples(index=False)]


def test_absent_and_unmapped_show_without_any_failure() -> None:
    """Every subject has its row for no cause and its row for an unknown one, also with 0."""
    frame = report()
    for subject in ("siprec", "refer", "leg"):
        rows_found = of(frame, subject, "cause_name", "fault_domain", "cause_raw", "endings_count")
        assert rows_found == [("absent", "absent", None, 0), ("unmapped", "unmapped", None, 0)]
    assert frame["cause_share"].isna().all()


def test_siprec_failures_and_abnormal_ends_are_told_apart() -> None:
    """Failed and failed midway are failures, a stop other than normal clearing an abnormal end."""
    frame = report(
        rows.siprec("failed", cause_raw="user_busy", **BUSY),
        rows.siprec("failed_midway", cause_raw="user_busy", **BUSY),
        rows.siprec("stopped", cause_raw="17", **BUSY),
        rows.siprec("stopped", **NORMAL),
        rows.siprec("stopped_without_start", **NORMAL),
        rows.siprec("open"),
        rows.siprec("closed_by_hangup"),
    )
    found = of(frame, "siprec", "cause_name", "cause_raw", "failures_count", "abnormal_ends_count", "endings_count")
    assert found[:2] == [("USER_BUSY", "user_busy", 2, 0, 2), ("USER_BUSY", "17", 0, 1, 1)]
    assert of(frame, "siprec", "ended_count", "undecided_count")[0] == (5, 2)


def test_absent_cause_of_a_stop_is_not_a_normal_end() -> None:
    """A stop that gives no cause counts, as absent."""
    frame = report(rows.siprec("stopped", cause_form="absent", cause_fault_domain="absent"))
    assert of(frame, "siprec", "cause_name", "abnormal_ends_count") == [("absent", 1), ("unmapped", 0)]


def test_unknown_causes_are_unmapped_with_their_raw_values() -> None:
    """What no table knows is one cause, its raw values below it, most frequent first."""
    unknown = {"cause_name": "UNKNOWN", "cause_fault_domain": "unmapped", "cause_form": "unparsed"}
    frame = report(*(rows.siprec("failed", cause_raw=raw, **unknown) for raw in ("zap", "pop", "zap")))
    found = of(frame, "siprec", "cause_name", "cause_raw", "cause_count", "endings_count")
    assert found == [("unmapped", "zap", 3, 2), ("unmapped", "pop", 3, 1), ("absent", None, 0, 0)]


def test_causes_are_ranked_with_ties_by_name() -> None:
    """The Pareto is over causes, not their spellings: rows of one cause show the share reached after it."""
    causes = [("B", "b"), ("B", "bb"), ("A", "a"), ("A", "a"), ("C", "c"), ("C", "c"), ("C", "c"), ("D", "d")]
    frame = report(*(rows.siprec("failed", cause_name=name, cause_raw=raw) for name, raw in causes))
    found = of(frame, "siprec", "cause_name", "cause_raw", "cause_share", "cumulative_share")
    assert found == [
        ("C", "c", 3 / 8, 3 / 8),
        ("A", "a", 2 / 8, 5 / 8),
        ("B", "b", 2 / 8, 7 / 8),
        ("B", "bb", 2 / 8, 7 / 8),
        ("D", "d", 1 / 8, 1),
        ("absent", None, 0, 1),
        ("unmapped", None, 0, 1),
    ]


def test_transfers_fail_by_their_code_and_outcome() -> None:
    """A transfer's cause is its SIP status, its domain the outcome; silence is undecided, no code absent."""
    frame = report(
        rows.refer("target_busy", final_code=486),
        rows.refer("failed_unspecified"),
        rows.refer("failed_unspecified", final_code=0),
        rows.refer("completed", final_code=200),
        *map(rows.refer, ["pending", "superseded_no_terminal", "unconfirmed_timeout", "unconfirmed_call_ended"]),
    )
    found = of(frame, "refer", "cause_name", "fault_domain", "cause_raw", "failures_count", "abnormal_ends_count")
    assert found[:2] == [("absent", "absent", None, 2, 0), ("SIP_486", "target_busy", "486", 1, 0)]
    assert of(frame, "refer", "ended_count", "undecided_count")[0] == (4, 4)


def test_legs_fail_unanswered_and_end_abnormally_when_answered() -> None:
    """A leg's cause is not judged by the domains of recorders; one that has not hung up is undecided."""
    busy = {"hangup_cause_name": "USER_BUSY", "hangup_cause": "user_busy"}
    frame = report(
        rows.leg("ended_unanswered", **busy),
        rows.leg("ended_answered", **busy),
        rows.leg(hangup_cause_name="NORMAL_CLEARING", hangup_cause="normal_clearing"),
        rows.leg("in_progress", hangup_at=None),
    )
    found = of(frame, "leg", "cause_name", "fault_domain", "failures_count", "abnormal_ends_count", "ended_count")
    assert found[0] == ("USER_BUSY", "not_judged", 1, 1, 3)
    assert of(frame, "leg", "undecided_count")[0] == (1,)


def test_connections_have_their_own_paretos() -> None:
    """Each connection has its ranking and its own rows that always show."""
    frame = report(
        rows.siprec("failed", connection_id="a", **BUSY),
        rows.siprec("failed", connection_id=None, **BUSY),
        by="connection",
    )
    assert frame["connection_id"].fillna("none").drop_duplicates().tolist() == ["a", "none"]
    named = frame[(frame["connection_id"] == "a") & (frame["subject"] == "siprec")]
    assert named["cause_name"].tolist() == ["USER_BUSY", "absent", "unmapped"]
    assert named["cumulative_share"].tolist() == [1, 1, 1]


def test_causes_by_the_hour_tell_the_two_hours_of_an_autumn_night_apart() -> None:
    """Each local hour of the period has its Pareto, and the one that the clock shows twice has two."""
    second_us = rows.SECOND
    night = 1_792_800_000_000_000 + 24 * 3_600 * second_us  # 2026-10-25T00:00:00Z, 01:00 of summer time
    failed = [rows.siprec("failed", started_at=night + hour * 3_600 * second_us, **BUSY) for hour in (0, 1, 1)]
    frame = reports.run(
        "failure_causes", rows.engine(*failed), from_="2026-10-25", to="2026-10-26", zone="Europe/London", by="hour"
    )
    busy = frame[frame["cause_name"] == "USER_BUSY"]
    assert busy[["hour", "cause_count"]].to_numpy().tolist() == [["01 +00:00", 2], ["01 +01:00", 1]]
    assert frame["hour"].nunique() == 25
