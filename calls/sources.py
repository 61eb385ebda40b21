"""What each kind of source shows to be recorded on a leg, whether or not a policy accepts it (domain 5.1).

Like ``calls.proof``, which does this for SIPREC: spans as the source gives them, not cut to the talk time. Where
a source tells of a recording and not from when to when, the whole of the talk time is unknown.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from calls.circumstances import RECORDING, SIPREC_CLIENT, DetailRecord
from calls.instants import Instant
from calls.policy import Policy
from calls.proof import Proof
from calls.records import NativeRecording
from calls.spans import Span, Spans, intersect, union

_NOTHING = Proof()


@dataclass(frozen=True, slots=True)
class Sources:
    """What is evidenced by SIPREC webhooks and records, by native ones, and by recordings that name no leg."""

    siprec: Proof
    native: Proof
    siprec_records: Proof
    native_records: Proof
    legless: Proof

    @property
    def all(self) -> tuple[Proof, ...]:
        """Everything there is, accepted or not."""
        return self.siprec, self.native, self.siprec_records, self.native_records, self.legless

    def accepted(self, policy: Policy) -> tuple[Proof, ...]:
        """Give what the policy lets count, webhooks and records alike."""
        return (*self.webhooks(policy), *self.records(policy))

    def webhooks(self, policy: Policy) -> tuple[Proof, ...]:
        """Give what counts of what webhooks told."""
        siprec = (self.siprec,) if "siprec" in policy.accepted_sources else ()
        native = (self.native, self.legless) if "native" in policy.accepted_sources else ()
        return (*siprec, *native)

    def records(self, policy: Policy) -> tuple[Proof, ...]:
        """Give what counts of the provider's records."""
        siprec = (self.siprec_records,) if "siprec" in policy.accepted_sources else ()
        native = (self.native_records,) if "native" in policy.accepted_sources else ()
        return (*siprec, *native)


def gather(
    siprec: Proof,
    natives: Iterable[NativeRecording],
    legless: Iterable[NativeRecording],
    records: Sequence[DetailRecord],
    talk: Span,
) -> Sources:
    """Gather what is known of a leg that talked from one instant to another."""
    return Sources(
        siprec=siprec,
        native=_graded(_extents(natives), talk),
        siprec_records=_graded(_recorded(records, SIPREC_CLIENT), talk),
        native_records=_graded(_recorded(records, RECORDING), talk),
        legless=_maybe(_extents(legless), talk),
    )


def within(sets: Iterable[Spans], talk: Span) -> Spans:
    """Join sets of time and cut them to the talk time."""
    spans = [span for its in sets for span in its]
    return intersect(union(spans), (talk,)) if spans else ()


def _graded(extents: Iterable[Span | None], talk: Span) -> Proof:
    known = list(extents)
    if not known:
        return _NOTHING
    unknown = (talk,) if None in known else ()
    return Proof(confirmed=union(extent for extent in known if extent is not None), unknown=unknown)


def _maybe(extents: Iterable[Span | None], talk: Span) -> Proof:
    unknown = union(extent or talk for extent in extents)
    return Proof(unknown=unknown) if unknown else _NOTHING


def _extents(rows: Iterable[NativeRecording]) -> Iterator[Span | None]:
    """Give from when to when each saved recording goes, None where that is not known."""
    return (_extent(row.started_at, row.ended_at) for row in rows if row.status == "saved")


def _recorded(records: Iterable[DetailRecord], kind: str) -> Iterator[Span | None]:
    return (_extent(record.started_at, record.ended_at) for record in records if record.kind == kind)


def _extent(started_at: Instant | None, ended_at: Instant | None) -> Span | None:
    """Give a span, None where an end is missing or both contradict each other."""
    if started_at is None or ended_at is None or ended_at < started_at:
        return None
    return started_at, ended_at
