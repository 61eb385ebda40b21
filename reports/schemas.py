"""The columns of every fact table, as DuckDB holds them; the views of schema ``facts`` have the same, in this order."""

from collections.abc import Mapping
from typing import Any

from reports.arrow import DAY, TEXT, WHOLE, pa

_TYPES = {"": TEXT, "int": WHOLE, "day": DAY}


def _schema(columns: str) -> Any:
    """Read ``name`` (text), ``name:int`` and ``name:day``, separated by space."""
    named = (column.partition(":") for column in columns.split())
    return pa.schema({name: _TYPES[kind] for name, _, kind in named})


_PLACED = "at_us:int utc_day:day"
_LEG = "call_session_id call_leg_id"

SCHEMAS: Mapping[str, Any] = {
    "siprec_sessions": _schema(
        f"{_LEG} seq:int connection_id {_PLACED} started_us:int ended_us:int status duration_us:int end_evidence"
        " cause_raw cause_form cause_name cause_fault_domain finality number tags"
    ),
    "refer_attempts": _schema(
        f"{_LEG} seq:int connection_id {_PLACED} started_us:int terminal_us:int time_to_terminal_us:int outcome"
        " last_provisional:int final_code:int finality number tags"
    ),
    "native_recordings": _schema(f"{_LEG} seq:int {_PLACED} status reason"),
    "call_legs": _schema(
        f"{_LEG} connection_id direction {_PLACED} initiated_us:int answered_us:int hangup_us:int status"
        " answer_evidence talk_us:int hangup_cause hangup_cause_name hangup_cause_q850:int hangup_source"
        " sip_hangup_cause finality number tags from_number to_number"
    ),
    "coverage": _schema(
        f"{_LEG} connection_id direction number tags {_PLACED} placed_us:int talk_ends_us:int answered_us:int"
        " hangup_us:int policy_version:int policy_rule obligation verdict evidence_grade talk_us:int confirmed_us:int"
        " inferred_us:int unknown_us:int uncovered_us:int start_delay_ms:int early_stop_ms:int longest_gap_ms:int"
        " recovery_ms:int double_covered_us:int over_recorded_us:int over_recorded:int failed_attempts:int"
        " unrecorded_evidence track_evidence flags finality positions placed_day:day"
    ),
    "coverage_spans": _schema(f"{_LEG} seq:int kind utc_day:day start_us:int end_us:int"),
    "timeline": _schema(
        f"{_LEG} position:int {_PLACED} occurred_us:int received_us:int event_type semantic_duplicate:int"
    ),
    "log_events": _schema(
        f"position:int source event_type connection_id quarantined {_PLACED} occurred_us:int latency_us:int"
        " repeats_id:int"
    ),
    "redeliveries": _schema(f"position:int {_PLACED} deliveries:int"),
    "rejections": _schema(f"reason {_PLACED} refused:int"),
    "outages": _schema("position:int reason utc_day:day start_us:int end_us:int begins:int"),
    "commands": _schema(
        "command_id call_session_id call_leg_id connection_id action actor purpose ticket state http_status:int"
        f" {_PLACED} answered_us:int confirmed_us:int positions key_id target outcome error_code reason refused_by"
        " approved_by repeats:int flags finality sent_us:int"
    ),
    "log_position": _schema("position:int"),
}
"""View of schema ``facts`` -> its columns."""
