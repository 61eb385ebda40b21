"""The thresholds a call is judged by. Every one is a policy value; none is hidden in code.

Durations are milliseconds, as people write them in a policy; the fold computes with the ``*_us`` properties.
"""

from dataclasses import dataclass

from calls.instants import MILLISECOND


@dataclass(frozen=True, slots=True)
class Policy:
    """Defaults of domain 8b, with why each value is what it is."""

    in_scope: bool = True
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
