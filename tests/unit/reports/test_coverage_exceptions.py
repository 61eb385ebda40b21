"""The lines of legs that were not recorded in full."""

from typing import Any

import pandas as pd
import pytest

import reports
from reports import coverage_exceptions
from tests.unit.reports import report_rows as rows

SECOND_US = 1_000_000


def report(*given: Any, zone: str = "UTC") -> pd.DataFrame:
    """Run the report over the two days around noon."""
    return reports.run("coverage_exceptions", rows.engine(*given), from_="2026-10-02", to="2026-10-04", zone=zone)


def test_every_eligible_leg_that_is_not_full_has_a_line() -> None:
    """As many as recording_coverage counts as eligible and not full, in order of time, then of ids."""
    verdicts = ("unrecorded", "full", "pending", "unknown", "not_in_scope", "full_inferred", "not_eligible", "partial")
    legs = [
        rows.covered(verdict, call_leg_id=f"l{place}", answered_at=rows.NOON - place * SECOND_US)
        for place, verdict in enumerate(verdicts)
    ]
    frame = report(*legs)
    assert frame["verdict"].tolist() == ["partial", "full_inferred", "unknown", "pending", "unrecorded"]
    assert set(frame["finding"]) == {"not_full"}
    (counted,) = reports.run("recording_coverage", rows.engine(*legs), from_="2026-10-02", to="2026-10-04").to_dict(
        "records"
    )
    assert len(frame) == counted["eligible_count"] - counted["full_count"]


def test_line_holds_what_an_auditor_needs() -> None:
    """Who (masked), when on both clocks, how much, why, by which rule, and on which events it rests."""
    leg = rows.leg(from_number="+12025550143", to_number="sip:alice01@example.com", direction="outgoing")
    coverage = rows.covered(
        "partial",
        [("uncovered", 3 * SECOND_US), ("confirmed", 9 * SECOND_US)],
        policy_version=4,
        policy_rule="desk",
        flags=("a", "b"),
        positions=(3, 5, 8),
        start_delay_us=3 * SECOND_US,
    )
    events = rows.event(3, rows.NOON + 5, event_type="call.initiated"), rows.event(8, rows.NOON + 90 * SECOND_US)
    (row,) = report(leg, coverage, *events, zone="Europe/London").to_dict("records")
    assert (row["from_masked"], row["to_masked"]) == ("+1202555****", "sip:ali****@example.com")
    assert row["answered_at"] == "2026-10-02T13:00:00.000000+01:00"
    assert row["answered_at_utc"] == "2026-10-02T12:00:00.000000Z"
    assert (row["talk_ms"], row["uncovered_ms"], row["start_delay_ms"]) == (12_000, 3_000, 3_000)
    assert (row["policy_version"], row["policy_rule"]) == (4, "desk")
    assert (row["flags"], row["positions"]) == ("a, b", "3, 5, 8")
    assert row["first_seen_at"] == "2026-10-02T12:00:00.000005Z"
    assert row["last_seen_at"] == "2026-10-02T12:01:30.000000Z"


def test_failures_of_a_leg_stand_in_its_one_line() -> None:
    """Causes as sent, their names and domains, in the order of the failures; one without a cause is absent."""
    failures = [
        rows.siprec("failed", seq=2, cause_raw=None),
        rows.siprec("failed", seq=1, cause_raw=17, cause_name="USER_BUSY", cause_fault_domain="capacity"),
        rows.siprec("stopped", seq=3, cause_raw="normal_clearing"),
    ]
    (row,) = report(rows.covered("unrecorded"), *failures).to_dict("records")
    assert row["failure_cause_raw"] == "17; "
    assert row["failure_cause_name"] == "USER_BUSY; absent"
    assert row["failure_fault_domain"] == "capacity; "
    (quiet,) = report(rows.covered("unrecorded")).to_dict("records")
    assert pd.isna(quiet["failure_cause_name"])


def test_recordings_that_telnyx_failed_to_make_stand_behind_those_of_siprec() -> None:
    """With the reason as sent; one that names no leg is shown at each listed leg of its session."""
    rows_of = [
        rows.covered("unrecorded"),
        rows.covered("partial", call_leg_id="m"),
        rows.covered("unrecorded", call_session_id="other", call_leg_id="n"),
        rows.native(reason="bucket error", seq=1),
        rows.native("saved", seq=2),
        rows.native(call_leg_id=None, seq=3),
        rows.siprec("failed", cause_raw=17, cause_name="USER_BUSY", cause_fault_domain="capacity"),
    ]
    of = {row["call_leg_id"]: row for row in report(*rows_of).to_dict("records")}
    assert of["l"]["failure_source"] == "siprec; native; native"
    assert of["l"]["failure_cause_raw"] == "17; bucket error; "
    assert of["l"]["failure_cause_name"] == "USER_BUSY; absent; absent"
    assert of["l"]["failure_fault_domain"] == "capacity; ; "
    assert of["m"]["failure_source"] == "native"
    assert pd.isna(of["n"]["failure_source"])


def test_commands_about_the_recording_stand_in_the_line_of_their_leg() -> None:
    """Who stopped it and why, whether it was ever started; not what never went out or is about something else."""
    given = [
        rows.covered("partial"),
        rows.covered("unrecorded", call_leg_id="m"),
        rows.siprec("failed", cause_raw="no_answer", cause_name="NO_ANSWER", cause_fault_domain="destination"),
        rows.command("siprec_stop", requested_at=rows.NOON + 9, actor="bob", purpose="card number follows"),
        rows.command("siprec_start", "accepted", requested_at=rows.NOON + 1, purpose=None),
        rows.command("record_pause", "refused"),
        rows.command("siprec_stop", "expired", sent_at=None),
        rows.command("siprec_stop", "denied"),
        rows.command("send_dtmf"),
        rows.command("siprec_start", "expired", call_leg_id="m", actor=None),
    ]
    of = {row["call_leg_id"]: row for row in report(*given).to_dict("records")}
    names = ("command_action", "command_by", "command_purpose", "command_state")
    assert [of["l"][name] for name in names] == [
        "siprec_start; siprec_stop",
        "ada; bob",
        "; card number follows",
        "accepted; confirmed",
    ]
    assert of["l"]["failure_cause_raw"] == "no_answer"
    assert [of["m"][name] for name in names] == ["siprec_start", "", "", "expired"]
    (quiet,) = report(rows.covered("unrecorded")).to_dict("records")
    assert all(pd.isna(quiet[name]) for name in names)


def test_over_recording_is_a_finding_of_its_own() -> None:
    """A leg that must not be recorded and was has a line, out of scope as it is; both can be true of one."""
    flags = ("over_recorded",)
    over = rows.covered("not_in_scope", (), obligation="must_not_record", over_recorded_us=SECOND_US, flags=flags)
    both = rows.covered("partial", call_leg_id="m", over_recorded_us=1, flags=flags)
    unknown = rows.covered("not_in_scope", (), call_leg_id="n", obligation="must_not_record", flags=flags)
    frame = report(over, both, unknown)
    assert frame["finding"].tolist() == ["over_recorded", "not_full, over_recorded", "over_recorded"]
    assert frame["over_recorded_ms"].fillna(-1).tolist() == [1_000, 0, -1]


def test_no_breakdown_is_taken() -> None:
    """It is a list of lines, not of groups."""
    with pytest.raises(reports.ReportRefused) as refused:
        reports.run("coverage_exceptions", rows.engine(), from_="2026-10-02", to="2026-10-03", by="day")
    assert refused.value.reason == "grouping_unknown"


@pytest.mark.parametrize(
    ("party", "shown"),
    [
        ("+12025550143", "+1202555****"),
        ("123", "***"),
        ("+1 (202) 555-0143", "+1 (202) 555-****"),
        ("sip:bob@pbx.example.com", "si*:***@pbx.example.com"),
        ("", ""),
    ],
)
def test_party_is_masked(party: str, shown: str) -> None:
    """The last four letters or digits of a number or a user are hidden, and only those."""
    assert coverage_exceptions.masked(party) == shown
