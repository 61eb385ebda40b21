"""When a leg was answered, when it ended, and when nothing more is expected of it (domain 8b "Legs").

Takes events one by one, in any order, so that the fold and ``history`` share one definition of *final*.
"""

from dataclasses import dataclass, field

from calls.event import Event
from calls.instants import Instant
from calls.policy import Policy

INITIATED = "call.initiated"
ANSWERED = "call.answered"
BRIDGED = "call.bridged"
HANGUP = "call.hangup"
KINDS = frozenset((INITIATED, ANSWERED, BRIDGED, HANGUP))


@dataclass(slots=True)
class Milestones:
    """The earliest time of each milestone seen so far, and the latest time of any event."""

    first: dict[str, Instant] = field(default_factory=dict[str, Instant])
    last_at: Instant | None = None

    def see(self, event: Event) -> None:
        """Take one more event of the leg into account; one without a time says nothing here."""
        at = event.occurred_at
        if at is None:
            return
        if self.last_at is None or at > self.last_at:
            self.last_at = at
        if event.kind in KINDS and at < self.first.get(event.kind, at + 1):
            self.first[event.kind] = at

    @property
    def answered_at(self) -> Instant | None:
        """The answer, else what implies one: a bridge."""
        return self.first.get(ANSWERED, self.first.get(BRIDGED))

    @property
    def inversion_us(self) -> int:
        """How long before the answer the hangup is stamped; 0 where it is not."""
        hangup_at, answered_at = self.first.get(HANGUP), self.answered_at
        return 0 if hangup_at is None or answered_at is None else max(0, answered_at - hangup_at)

    def hangup_at(self, policy: Policy) -> Instant | None:
        """Give the hangup, moved to the answer where clock skew stamped it before that."""
        return self.answered_at if 0 < self.inversion_us <= policy.skew_us else self.first.get(HANGUP)

    def final_at(self, policy: Policy) -> Instant | None:
        """Give the first instant of finality: late grace after the hangup, or stale without one."""
        hangup_at = self.hangup_at(policy)
        if hangup_at is not None:
            return hangup_at + policy.late_grace_us
        if self.last_at is None:
            return None
        return self.last_at + policy.stale_after_us + policy.late_grace_us + 1
