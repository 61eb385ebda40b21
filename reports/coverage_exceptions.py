"""``coverage_exceptions``: one line for every leg that was not recorded in full, with the evidence it rests on.

All eligible legs that are not ``full`` are listed, pending ones too, and whatever was recorded that must not be. The
lines are those ``recording_coverage`` counts: eligible - full, and over-recorded.
"""

from collections.abc import Callable
from itertools import compress
from typing import Any

import orjson
import pandas as pd

from calls import instants
from reports import calendar
from reports.columns import Column, Kind
from reports.question import Question
from reports.recording_coverage import NOT_ELIGIBLE
from reports.registry import Report

HIDDEN_MAX = 4
"""So many of the last letters and digits of a party are hidden."""

_SOURCES = {1: "siprec", 2: "native"}
"""Failures of SIPREC stand first."""

_COMMAND = 3

_LEG = ["call_session_id", "call_leg_id"]
_COMMANDS = ["command_action", "command_by", "command_purpose", "command_state"]
_ORDER = ["at_us", *_LEG]

COLUMNS = (
    Column("call_session_id", Kind.TEXT, "The call session."),
    Column("call_leg_id", Kind.TEXT, "The leg."),
    Column("connection_id", Kind.TEXT, "The Telnyx connection, empty where no event named one."),
    Column("direction", Kind.TEXT, "incoming or outgoing; empty where no event says."),
    Column("from_masked", Kind.TEXT, "Who called, the last four letters or digits hidden."),
    Column("to_masked", Kind.TEXT, "Who was called, likewise."),
    Column("answered_at", Kind.TEXT, "In the report's zone, ISO 8601 with its offset; empty where no answer is known."),
    Column("answered_at_utc", Kind.TEXT, "The same instant in UTC."),
    Column("talk_ms", Kind.MILLISECONDS, "From the answer to the hangup; empty where an end is unknown."),
    Column("finding", Kind.TEXT, "not_full, over_recorded, or both with a comma."),
    Column("verdict", Kind.TEXT, "As in recording_coverage."),
    Column("evidence_grade", Kind.TEXT, "A both ends by webhooks, B an end inferred, C provider records, D unknown."),
    Column("unrecorded_evidence", Kind.TEXT, "Of an unrecorded leg: explicit_failure or absence_of_events."),
    Column("track_evidence", Kind.TEXT, "How it is known which track was recorded."),
    Column("start_delay_ms", Kind.MILLISECONDS, "From the answer to the first recorded instant."),
    Column("early_stop_ms", Kind.MILLISECONDS, "Unrecorded before the hangup."),
    Column("longest_gap_ms", Kind.MILLISECONDS, "The longest unrecorded stretch between two recorded ones."),
    Column("recovery_ms", Kind.MILLISECONDS, "From a failure to the next start."),
    Column("uncovered_ms", Kind.MILLISECONDS, "Not recorded."),
    Column("unknown_ms", Kind.MILLISECONDS, "Perhaps recorded."),
    Column("failed_attempts_count", Kind.COUNT, "Recordings that failed to start."),
    Column(
        "failure_source",
        Kind.TEXT,
        "What failed: siprec, or native, of Telnyx's own recordings; in order, with semicolons.",
    ),
    Column("failure_cause_raw", Kind.TEXT, "What they gave as cause or reason, as sent, in the same order."),
    Column(
        "failure_cause_name",
        Kind.TEXT,
        "A SIPREC cause normalised; absent: none given, or a reason of native recordings.",
    ),
    Column("failure_fault_domain", Kind.TEXT, "Who should look, in the same order."),
    Column(
        "command_action",
        Kind.TEXT,
        "Commands about its recording that were sent through the gateway, in order of time, with semicolons.",
    ),
    Column("command_by", Kind.TEXT, "Who asked for them, in the same order."),
    Column("command_purpose", Kind.TEXT, "Why, as they said."),
    Column("command_state", Kind.TEXT, "What came of them: sent, accepted, in_doubt, confirmed or expired."),
    Column("obligation", Kind.TEXT, "What the policy asks: must_record, must_not_record or none."),
    Column("over_recorded_ms", Kind.MILLISECONDS, "Recorded though it must not be; empty: not known."),
    Column("flags", Kind.TEXT, "What is peculiar about the evidence, with commas."),
    Column("policy_version", Kind.COUNT, "The version that judged; 0 is the built-in policy."),
    Column("policy_rule", Kind.TEXT, "Its rule; empty for the default."),
    Column("finality", Kind.TEXT, "provisional: later events or time may still change the line."),
    Column("first_seen_at", Kind.TEXT, "When the first event of the leg was received, UTC."),
    Column("last_seen_at", Kind.TEXT, "When the last one was."),
    Column("positions", Kind.TEXT, "Log positions of the events it rests on, with commas."),
)


def finish(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Make one line of each leg, in order of time, then of ids."""
    rows = rows.sort_values([*_ORDER, "told_order", "seq"], na_position="last", ignore_index=True)
    first = rows.drop(columns=_COMMANDS).drop_duplicates(_LEG, ignore_index=True)
    for beside in (_failures(rows), _commands(rows)):
        first = first.merge(beside, how="left", on=_LEG)
    return first.assign(
        from_masked=_texts(first["from_number"], masked),
        to_masked=_texts(first["to_number"], masked),
        answered_at=_texts(first["answered_us"], lambda at: calendar.local_text(at, question.period.zone)),
        answered_at_utc=_texts(first["answered_us"], instants.to_text),
        finding=pd.Series(_findings(first), dtype="str"),
        flags=_texts(first["flags"], _listed),
        positions=_texts(first["positions"], _listed),
        first_seen_at=_texts(first["first_seen_us"], instants.to_text),
        last_seen_at=_texts(first["last_seen_us"], instants.to_text),
        failed_attempts_count=first["failed_attempts"],
        **{f"{name}_ms": first[f"{name}_us"] // 1000 for name in ("talk", "uncovered", "unknown", "over_recorded")},
    )


def masked(party: str) -> str:
    """Hide the last letters or digits of a number, or of the user of a SIP address."""
    user, at, host = party.partition("@")
    shown = len(user)
    hidden = 0
    while shown and hidden < HIDDEN_MAX:
        shown -= 1
        hidden += user[shown].isalnum()
    return user[:shown] + "".join("*" if each.isalnum() else each for each in user[shown:]) + at + host


def _findings(rows: pd.DataFrame) -> list[str]:
    not_full = ~rows["verdict"].isin(("full", *NOT_ELIGIBLE))
    over = rows["over_recorded"] == 1
    kinds = {"not_full": not_full.tolist(), "over_recorded": over.tolist()}
    return [", ".join(compress(kinds, are)) for are in zip(*kinds.values(), strict=True)]


def _failures(rows: pd.DataFrame) -> pd.DataFrame:
    failed = rows[rows["told_order"].isin(list(_SOURCES))]
    told = failed[_LEG].assign(
        failure_source=failed["told_order"].map(_SOURCES),
        failure_cause_raw=failed["cause_raw"].fillna(""),
        failure_cause_name=failed["cause_name"].fillna("absent"),
        failure_fault_domain=failed["cause_fault_domain"].fillna(""),
    )
    return told.groupby(_LEG, as_index=False).agg("; ".join)


def _commands(rows: pd.DataFrame) -> pd.DataFrame:
    told = rows.loc[rows["told_order"] == _COMMAND, [*_LEG, *_COMMANDS]].fillna(dict.fromkeys(_COMMANDS, ""))
    return told.groupby(_LEG, as_index=False).agg("; ".join)


def _texts(values: "pd.Series[Any]", write: Callable[[Any], str]) -> "pd.Series[str]":
    return pd.Series([None if pd.isna(value) else write(value) for value in values.tolist()], dtype="str")


def _listed(array: str) -> str:
    return ", ".join(map(str, orjson.loads(array)))


REPORT = Report("coverage_exceptions", (), COLUMNS, finish, breakdowns=())
