"""The rows a call folds into. Field names are the column names of schema ``calls``.

Instants (``*_at``) are integers here and ``timestamptz`` in the tables. Durations are computed in
microseconds (``*_us``); ``*_ms`` is that divided by 1000, rounded down. ``flags`` are sorted. ``positions``
are the log positions of the events a row rests on, sorted. ``finality`` is ``provisional`` or ``final``.
``revision`` and ``revised_by`` are filled in by ``history``: they depend on arrival, so the fold leaves them
at 1 and None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calls.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every row of a call carries."""

    call_session_id: str
    finality: str
    revision: int = 1
    revised_by: str | None = None
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSession(Row):
    """One call session: the legs that belong together.

    ``status`` is ringing (a leg is alive, none was answered), in_progress (a leg is alive), stale (none is,
    and one went silent), ended, or unknown where no event names both a leg and a time.
    """

    legs: int
    answered_legs: int
    connection_id: str | None
    direction: str | None
    from_number: str | None
    to_number: str | None
    status: str
    started_at: Instant | None
    ended_at: Instant | None
    events: int
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLeg(Row):
    """One leg.

    ``status`` is ringing, in_progress, ended_answered, ended_unanswered, ended_answer_unknown or stale.
    ``answer_evidence`` is webhook or inferred_from_bridged.
    """

    call_leg_id: str
    call_control_id: str | None
    connection_id: str | None
    direction: str | None
    from_number: str | None
    to_number: str | None
    status: str
    initiated_at: Instant | None
    answered_at: Instant | None
    bridged_at: Instant | None
    hangup_at: Instant | None
    answer_evidence: str | None
    talk_us: int | None
    talk_ms: int | None
    hangup_cause: str | None
    hangup_cause_name: str | None
    hangup_cause_q850: int | None
    hangup_source: str | None
    sip_hangup_cause: str | None
    tags: tuple[str, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiprecSession(Row):
    """One SIPREC session or failed attempt of a leg, as inferred from webhooks that carry no session id."""

    call_leg_id: str
    seq: int
    connection_id: str | None
    status: str
    started_at: Instant | None
    ended_at: Instant | None
    duration_us: int | None
    duration_ms: int | None
    end_evidence: str | None
    cause_raw: Any
    cause_form: str | None
    cause_namespace: str | None
    cause_name: str | None
    cause_q850: int | None
    cause_fault_domain: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferAttempt(Row):
    """One SIP REFER attempt of a leg. ``final_code`` is the SIP status its terminal event carried."""

    call_leg_id: str
    seq: int
    connection_id: str | None
    started_at: Instant | None
    terminal_at: Instant | None
    time_to_terminal_us: int | None
    time_to_terminal_ms: int | None
    outcome: str
    last_provisional: int | None
    final_code: int | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeRecording(Row):
    """One Telnyx recording, ``saved`` or ``error``; ``call_leg_id`` is None where the event names none."""

    call_leg_id: str | None
    seq: int
    status: str
    occurred_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    channels: str | None
    reason: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage(Row):
    """How much of a leg was recorded, as evidence shows (domain 5 and 8b "Coverage").

    ``obligation`` is what the policy asks: must_record, must_not_record or none. ``verdict`` is not_in_scope,
    not_eligible, pending, full, full_inferred, partial_track, partial, unknown or unrecorded. ``evidence_grade`` is A
    (both ends by webhooks), B (an end or the answer inferred), C (from provider records) or D (unknown); None where
    nothing is judged. ``answered_us`` is the talk time; ``confirmed_us``, ``inferred_us``, ``unknown_us`` and
    ``uncovered_us`` add up to it. ``over_recorded_us`` is time recorded that must not be. ``track_evidence`` is
    command, or unknown where nothing says which track was asked for. ``policy_version`` 0 is the built-in policy.
    ``number`` is the one on our side: called where the leg is incoming, calling where it is outgoing; None where no
    event says which, as in the facts of every other report.
    """

    call_leg_id: str
    connection_id: str | None
    direction: str | None
    number: str | None
    tags: tuple[str, ...]
    answered_at: Instant | None
    hangup_at: Instant | None
    policy_version: int
    policy_rule: str | None
    obligation: str
    verdict: str
    evidence_grade: str | None
    answered_us: int | None
    answered_ms: int | None
    confirmed_us: int | None
    confirmed_ms: int | None
    inferred_us: int | None
    inferred_ms: int | None
    unknown_us: int | None
    unknown_ms: int | None
    uncovered_us: int | None
    uncovered_ms: int | None
    start_delay_us: int | None
    start_delay_ms: int | None
    early_stop_us: int | None
    early_stop_ms: int | None
    longest_gap_us: int | None
    longest_gap_ms: int | None
    recovery_us: int | None
    recovery_ms: int | None
    double_covered_us: int | None
    double_covered_ms: int | None
    over_recorded_us: int | None
    over_recorded_ms: int | None
    failed_attempts: int
    unrecorded_evidence: str | None
    track_evidence: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageSpan(Row):
    """A span of a leg's talk time, as long as can be; ``kind`` is confirmed, inferred, unknown or uncovered.

    The spans of a leg follow on one another from the answer to the hangup.
    """

    call_leg_id: str
    seq: int
    kind: str
    started_at: Instant
    ended_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCoverage(Row):
    """How much of a conversation was recorded on any of its legs (domain 5.1 "Conversation").

    ``conversation_us`` is the time with at least two legs answered (or the talk time of the one leg there is),
    ``covered_us`` what of it is confirmed or inferred on some leg; None while an end is not known.
    """

    legs: int
    conversation_us: int | None
    conversation_ms: int | None
    covered_us: int | None
    covered_ms: int | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dtmf(Row):
    """Key presses: how many and when, never which."""

    call_leg_id: str
    seq: int
    occurred_at: Instant
    event_type: str
    digit_count: int | None
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientState(Row):
    """A change of the leg's ``client_state``, at the first event with it; ``value`` is base64 as sent."""

    call_leg_id: str
    seq: int
    first_seen_at: Instant
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCommand(Row):
    """One command that was asked of the gateway, and what came of it (``calls.commands``).

    ``state`` is requested, awaiting_approval, denied, sent, accepted, refused, in_doubt, confirmed or expired.
    ``parameters`` are those of the request, its secrets masked. ``target`` is where a transfer or a new call goes.
    ``outcome`` is what confirmed it says: started, failed or stopped of SIPREC, a transfer's outcome, or echoed.
    ``recorded_state`` is the last that the gateway put on record; ``expires_at`` is when the command counts as expired,
    None where nothing is awaited. ``reason`` is the gateway's own. ``call_session_id`` is the control id, else the
    command's own, while its call is not known.
    """

    call_leg_id: str | None
    seq: int
    command_id: str
    call_control_id: str | None
    connection_id: str | None
    action: str | None
    method: str | None
    path: str | None
    actor: str | None
    key_id: str | None
    purpose: str | None
    ticket: str | None
    client_address: str | None
    user_agent: str | None
    parameters: Any
    target: str | None
    siprec_track: str | None
    connector_name: str | None
    supervisor_role: str | None
    state: str
    recorded_state: str | None
    requested_at: Instant | None
    sent_at: Instant | None
    answered_at: Instant | None
    confirmed_at: Instant | None
    expires_at: Instant | None
    outcome: str | None
    http_status: int | None
    error_code: str | None
    reason: str | None
    refused_by: str | None
    approved_by: str | None
    repeats: int
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry(Row):
    """One event of the call, in order, with a sentence for people."""

    seq: int
    position: int
    call_leg_id: str | None
    occurred_at: Instant | None
    received_at: Instant
    event_id: str
    event_type: str
    sentence: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """Everything one session folds into; ``review_at`` is when time alone may change it, or None if never."""

    call_sessions: tuple[CallSession, ...] = ()
    call_legs: tuple[CallLeg, ...] = ()
    siprec_sessions: tuple[SiprecSession, ...] = ()
    refer_attempts: tuple[ReferAttempt, ...] = ()
    native_recordings: tuple[NativeRecording, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    coverage_spans: tuple[CoverageSpan, ...] = ()
    session_coverage: tuple[SessionCoverage, ...] = ()
    dtmf: tuple[Dtmf, ...] = ()
    client_states: tuple[ClientState, ...] = ()
    commands: tuple[SentCommand, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    review_at: Instant | None = None


TABLES: Mapping[str, type[Row]] = {
    "call_sessions": CallSession,
    "call_legs": CallLeg,
    "siprec_sessions": SiprecSession,
    "refer_attempts": ReferAttempt,
    "native_recordings": NativeRecording,
    "coverage": Coverage,
    "coverage_spans": CoverageSpan,
    "session_coverage": SessionCoverage,
    "dtmf": Dtmf,
    "client_states": ClientState,
    "commands": SentCommand,
    "timeline": TimelineEntry,
}
"""Table of schema ``calls`` -> the row it holds."""
