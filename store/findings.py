"""What a verification found wrong: each with a stable reason, and where in the log it is.

Reasons, in the order in which they are named where several hold of one position:
position_missing, leaf_hash_wrong, signature_wrong, signature_missing, key_unknown, key_event_wrong,
sealed_body_missing, sealed_body_wrong, data_hash_wrong, event_key_missing, event_key_wrong, tile_missing, tile_wrong,
log_behind_checkpoint, checkpoint_malformed, checkpoint_signature_wrong, checkpoint_key_unknown, checkpoint_root_wrong.
"""

from collections import Counter
from dataclasses import dataclass, field

REASONS = (
    "position_missing",
    "leaf_hash_wrong",
    "signature_wrong",
    "signature_missing",
    "key_unknown",
    "key_event_wrong",
    "sealed_body_missing",
    "sealed_body_wrong",
    "data_hash_wrong",
    "event_key_missing",
    "event_key_wrong",
    "tile_missing",
    "tile_wrong",
    "log_behind_checkpoint",
    "checkpoint_malformed",
    "checkpoint_signature_wrong",
    "checkpoint_key_unknown",
    "checkpoint_root_wrong",
)
_RANKS = {reason: rank for rank, reason in enumerate(REASONS)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``position`` is where, or where the range begins that ends at ``last``."""

    reason: str
    position: int
    detail: str
    last: int | None = None

    @property
    def order(self) -> tuple[int, int]:
        """Say what stands first: what is sure to be at a position before what is somewhere in a range up to it."""
        return self.position if self.last is None else self.last, _RANKS[self.reason]


@dataclass(slots=True)
class Findings:
    """The first of all findings, and how many there are for each reason: a log of millions may be wrong throughout."""

    first: Finding | None = None
    counts: Counter[str] = field(default_factory=Counter[str])

    def add(self, reason: str, position: int, detail: str, last: int | None = None) -> None:
        """Take note of one."""
        found = Finding(reason, position, detail, last)
        self.counts[reason] += 1
        if self.first is None or found.order < self.first.order:
            self.first = found
