"""The least-cost readings of the SIPREC events of one leg (domain 8b, "SIPREC readings").

The webhooks carry no session id, so one sequence can be read in many ways. ``first`` gives the part that each
event plays in the reading that rows are written from; ``bounds`` what all least-cost readings have in common.
Both take time in proportion to the events. Instants, causes and rows are left to ``calls.siprec``.
"""

from collections import deque
from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import Enum


class Mark(Enum):
    """What an event says by itself. ``ATTEMPT`` is a failure known to be that of another attempt."""

    START = "start"
    STOP = "stop"
    FAILURE = "failure"
    ATTEMPT = "attempt"


@dataclass(frozen=True, slots=True)
class Part:
    """The part one event plays in a reading; sessions are named by the index of their start.

    ``ends`` is the session the event ends, ``closes`` the failed session whose closing it is. A stop that
    does neither has lost its start; a failure that ends no session is an attempt's. ``amid`` tells that a
    session was open when the event came; ``open`` and ``unclosed`` count, after it, the sessions that are
    open and those that failed and were not closed since.
    """

    mark: Mark
    ends: int | None
    closes: int | None
    amid: bool
    open: int
    unclosed: int

    @property
    def startless(self) -> bool:
        """Tell that this is the stop of a session whose start was lost."""
        return self.mark is Mark.STOP and self.ends is None and self.closes is None


@dataclass(frozen=True, slots=True)
class Bounds:
    """The sessions open after each event, over all least-cost readings: the fewest and the most of them.

    ``doubted`` are the stops and failures that end no session in some of the readings.
    """

    fewest: tuple[int, ...]
    most: tuple[int, ...]
    doubted: frozenset[int]


def first(marks: Sequence[Mark]) -> tuple[Part, ...]:
    """Give the least-cost reading with the fewest repeats (none), then the earliest failures as ends.

    Among those still equal, the earliest stops end sessions rather than close them, and what is closed is the
    session that failed first. It is the same with and without a hangup.
    """
    # The most failures find a session to end where every stop closes a failed session that it can close.
    # From there on, a stop may end a session instead, as long as it leaves enough open for those failures.
    closing = _walk(marks, [len(marks)] * len(marks))
    return tuple(_walk(marks, _owed(closing, {Mark.FAILURE})))


def bounds(marks: Sequence[Mark], *, over: bool) -> Bounds:
    """Bound all least-cost readings. A session that stays open has lost its stop only once the call is over.

    They are described by how they differ from the one in which stops and failures end sessions whenever they
    can. Every least-cost reading finds the same stops startless, so that at each moment the sum of open,
    unclosed and repeated is the same in all. At the last moment when nothing is open, the rest falls in two:

    1. Before it no start is a repeat, but a failure may be an attempt's, or a stop a closing, and a session
       last longer. So there can be more open, never fewer.
    2. After it sessions stay open up to the hangup. Each lost stop may be a repeated start instead, at the
       same cost, but a failure that ends no session costs one more. So there can be fewer open, never more.
    """
    parts = _walk(marks, [0] * len(marks))
    needed = _needed(parts, parts[-1].unclosed if over and parts else 0)
    idle = (index for index, part in enumerate(parts, 1) if not part.open)
    settled = max(idle, default=0) if over else len(parts)
    return Bounds(
        fewest=(*(part.open for part in parts[:settled]), *_fewest(parts[settled:])),
        most=tuple(part.open + part.unclosed - least for part, least in zip(parts, needed, strict=True)),
        doubted=frozenset(index for index, part in enumerate(parts) if _doubted(part, needed[index])),
    )


def _doubted(part: Part, needed: int) -> bool:
    """Tell whether enough failures stay unclosed where this one ends no session, or this stop closes one."""
    if part.mark is Mark.STOP:
        return part.startless or part.closes is not None or part.unclosed > needed
    return part.mark is Mark.FAILURE and (part.ends is None or part.unclosed > needed)


def _walk(marks: Sequence[Mark], spare: Sequence[int]) -> list[Part]:
    """Read in order, repeating no start, ending the oldest session first and letting failures end sessions.

    A stop ends a session if that leaves ``spare`` open, else closes a failed one; it does what it can.
    """
    opened: deque[int] = deque()
    unclosed: deque[int] = deque()
    parts: list[Part] = []
    for index, mark in enumerate(marks):
        ends = closes = None
        amid = bool(opened)
        if mark is Mark.START:
            opened.append(index)
        elif mark is Mark.FAILURE and opened:
            ends = opened.popleft()
            unclosed.append(ends)
        elif mark is Mark.STOP and opened and (len(opened) > spare[index] or not unclosed):
            ends = opened.popleft()
        elif mark is Mark.STOP and unclosed:
            closes = unclosed.popleft()
        parts.append(Part(mark, ends, closes, amid, len(opened), len(unclosed)))
    return parts


def _owed(parts: Sequence[Part], marks: Container[Mark]) -> list[int]:
    """Count, after each event, the sessions that must be open for the later ``marks`` that end one."""
    owed: list[int] = []
    now = 0
    for part in reversed(parts):
        owed.append(now)
        if part.mark is Mark.START:
            now = max(now - 1, 0)
        elif part.ends is not None and part.mark in marks:
            now += 1
    return owed[::-1]


def _needed(parts: Sequence[Part], at_last: int) -> list[int]:
    """Count, after each event, the unclosed failures without which there will be fewer than ``at_last``.

    At the hangup a session left open costs one and one that failed costs nothing: no reading may come to
    fewer unclosed failures than another. Going back, each failure is a chance to gain one.
    """
    needed: list[int] = []
    now = at_last
    for part in reversed(parts):
        needed.append(now)
        if part.mark is Mark.FAILURE:
            now = max(now - 1, 0)
    return needed[::-1]


def _fewest(parts: Sequence[Part]) -> list[int]:
    """Count the sessions open after each event when as many starts as can be are repeats.

    What ends a session here does so in all readings, so one is open then. Looking back, a start leaves at
    least one open, whether it opens or repeats, and an end may leave none.
    """
    left: list[int] = []
    now = 0
    for part in parts:
        if part.mark is Mark.START or part.ends is not None:
            now = int(part.mark is Mark.START)
        left.append(now)
    return [max(pair) for pair in zip(left, _owed(parts, Mark), strict=True)]
