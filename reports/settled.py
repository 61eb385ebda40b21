"""Live runs that can be run again: only of a state that the log alone leads to, at one position and one instant.

The read models are in such a state when no fold is put off and no review is due. Under load that may be never: then
the log is folded as of the position instead.
"""

import time
from collections.abc import Callable

from calls.instants import Instant
from reports.as_of import AsOf
from reports.engines import Postgres, Standing

WAIT_SECONDS = 5.0
"""For a second's put-off folds and a step of the projector; longer is a backlog, or no worker is running."""

LOOK_SECONDS = 0.1


def as_of(standing: Standing, heard: Instant) -> AsOf | None:
    """Give as of when live facts are, if that can be said. ``heard``: the log holds what could be heard until then.

    Calls stay as they were judged from the last instant they were judged at until the next review is due: any instant
    between says the same. (What was heard may fall back, when a process turns out to be silent.)
    """
    instant = max(heard, standing.judged_us or 0)
    if standing.unfolded or (standing.due_us is not None and standing.due_us <= instant):
        return None
    return AsOf(standing.position, instant)


def wait(
    engine: Postgres, heard_until: Callable[[], Instant], seconds: float, waiting: Callable[[Standing], object]
) -> None:
    """Wait until the facts are settled, at most so long; ``waiting`` hears of it once."""
    ends_at, told = time.monotonic() + seconds, False
    while as_of(standing := engine.standing(), heard_until()) is None and time.monotonic() < ends_at:
        if not told:
            waiting(standing)
            told = True
        time.sleep(LOOK_SECONDS)
