"""What a call is judged by beside its own events: outages, commands, and the provider's own records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from calls.instants import Instant
from calls.spans import Span

SIPREC_START = "siprec_start"

SIPREC_CLIENT = "siprec-client"
RECORDING = "recording"
RECORDED = (SIPREC_CLIENT, RECORDING)
"""The kinds of detail records that prove a recording."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was sent for a leg. ``at`` is None where only its place among the others is known.

    ``siprec_track`` is inbound_track, outbound_track or both_tracks; None means what Telnyx takes it for: both.
    """

    call_leg_id: str
    command: str
    at: Instant | None = None
    siprec_track: str | None = None
    siprec_name: str | None = None


@dataclass(frozen=True, slots=True)
class DetailRecord:
    """A detail record of the provider about a leg: ``kind`` siprec-client or recording proves a recording.

    An end that the record does not give is None: then how long was recorded is unknown.
    """

    kind: str
    call_leg_id: str
    started_at: Instant | None
    ended_at: Instant | None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything beside the events, sorted by leg; ``outages`` are those of the ingest, in any order."""

    outages: tuple[Span, ...] = ()
    commands: Mapping[str, Sequence[Command]] = field(default_factory=dict[str, Sequence[Command]])
    records: Mapping[str, Sequence[DetailRecord]] = field(default_factory=dict[str, Sequence[DetailRecord]])


def gather(outages: Iterable[Span], commands: Iterable[Command], records: Iterable[DetailRecord]) -> Circumstances:
    """Sort commands and records by leg. An outage that lasts no time is none."""
    by_leg: dict[str, list[Command]] = {}
    for command in commands:
        by_leg.setdefault(command.call_leg_id, []).append(command)
    records_by_leg: dict[str, list[DetailRecord]] = {}
    for record in records:
        records_by_leg.setdefault(record.call_leg_id, []).append(record)
    return Circumstances(tuple(each for each in outages if each[0] < each[1]), by_leg, records_by_leg)
