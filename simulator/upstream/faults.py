"""What goes wrong between the double and whoever asks it: planned for the next requests, or by chance from a seed."""

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """What happens to one command beside being carried out."""

    NONE = "none"
    REFUSED = "refused"
    """Answered 422, as if the call had ended; nothing is done."""
    RATE_LIMITED = "rate_limited"
    """Answered 429; nothing is done."""
    ERROR_BEFORE = "error_before"
    """Answered 500, and nothing is done."""
    ERROR_AFTER = "error_after"
    """Done, and answered 500."""
    LOST = "lost"
    """Done, and the connection closed without a byte."""
    DELAYED = "delayed"
    """Done, and answered late."""
    DUPLICATED = "duplicated"
    """Done; each webhook that follows is delivered twice."""


@dataclass(slots=True)
class Faults:
    """``planned`` are used up first, one a command; then each of ``shares`` (0 to 1) has its chance."""

    shares: Mapping[Fault, float] = field(default_factory=dict[Fault, float])
    delay_seconds: float = 1.0
    planned: deque[Fault] = field(default_factory=deque[Fault])
    rng: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 -- made to be foreseen

    def next(self) -> Fault:
        """Say what happens to the next command."""
        if self.planned:
            return self.planned.popleft()
        drawn = self.rng.random()
        for fault, share in self.shares.items():
            if drawn < share:
                return fault
            drawn -= share
        return Fault.NONE
