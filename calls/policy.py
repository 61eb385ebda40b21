"""The thresholds a call is judged by. Every one is a policy value; none is hidden in code.

Durations are milliseconds, as people write them in a policy; the fold computes with the ``*_us`` properties.
"""

from dataclasses import dataclass
from typing import Protocol

from calls.instants import MILLISECOND, Instant


@dataclass(frozen=True, slots=True)
class About:
    """What a policy may ask of a leg before it judges it."""

    connection_id: str | None = None
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The policy for one leg: which version of which rule says so. Version 0 is the built-in policy."""

    policy: "Policy"
    version: int = 0
    rule: str | None = None


class Judge(Protocol):
    """Whatever says by which policy a leg is judged."""

    def judge(self, about: About, at: Instant | None) -> Judgement:
        """Give the policy of a leg; ``at`` is when it was answered, else when it was first heard of."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """Defaults of domain 8b, with why each value is what it is."""

    in_scope: bool = True
    must_not_record: bool = False  # then it is not in scope, and any recording is a finding
    start_grace_ms: int = 5_000  # recording starts a little after the answer (RFC 7866)
    stop_tolerance_ms: int = 2_000  # and may stop a little before the hangup
    gap_tolerance_ms: int = 1_000
    late_grace_ms: int = 900_000  # voice retries end within a minute; the rest is our own queueing
    stale_after_ms: int = 14_400_000  # Telnyx ends a call after four hours
    skew_tolerance_ms: int = 2_000  # different nodes stamp the events of one call
    refer_timeout_ms: int = 200_000
    min_duration_ms: int = 0
    accepted_sources: tuple[str, ...] = ("siprec", "native")
    required_track: str = "both_tracks"

    def judge(self, about: About, at: Instant | None) -> Judgement:  # noqa: ARG002  one policy for all
        """Judge every leg alike."""
        return Judgement(self)

    @property
    def obligation(self) -> str:
        """What is asked of a leg: must_record, must_not_record or none."""
        if self.must_not_record:
            return "must_not_record"
        return "must_record" if self.in_scope else "none"

    @property
    def start_grace_us(self) -> int:
        """Time after the answer that may go uncovered."""
        return self.start_grace_ms * MILLISECOND

    @property
    def stop_tolerance_us(self) -> int:
        """Time before the hangup that may go uncovered."""
        return self.stop_tolerance_ms * MILLISECOND

    @property
    def gap_tolerance_us(self) -> int:
        """Time in between that may go uncovered at a stretch."""
        return self.gap_tolerance_ms * MILLISECOND

    @property
    def min_duration_us(self) -> int:
        """Calls that talked for less are not eligible."""
        return self.min_duration_ms * MILLISECOND

    @property
    def late_grace_us(self) -> int:
        """Wait this long for late webhooks before anything negative is concluded."""
        return self.late_grace_ms * MILLISECOND

    @property
    def stale_after_us(self) -> int:
        """Silence after which a call without a hangup is stale (late grace comes on top)."""
        return self.stale_after_ms * MILLISECOND

    @property
    def skew_us(self) -> int:
        """Inversions of time up to this are clock skew, beyond it an anomaly."""
        return self.skew_tolerance_ms * MILLISECOND

    @property
    def refer_timeout_us(self) -> int:
        """A transfer without a result after this (and late grace) is unconfirmed."""
        return self.refer_timeout_ms * MILLISECOND


DEFAULT = Policy()
