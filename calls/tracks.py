"""Which sides of the conversation were asked to be recorded (domain 4.2, 8b "Tracks").

SIPREC webhooks carry no track: the command log alone says which sides a session holds. Without a command a
session is taken for what Telnyx makes by default, both.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

from calls import pairing
from calls.circumstances import SIPREC_START, Command
from calls.instants import Instant
from calls.records import SiprecSession
from calls.spans import Span, Spans, intersect, union

BOTH = "both_tracks"
ONE_SIDED = ("inbound_track", "outbound_track")


def starts(commands: Iterable[Command]) -> list[Command]:
    """Give the commands that start SIPREC sessions, in order: by time, or as given where one has none."""
    these = [command for command in commands if command.command == SIPREC_START]
    if any(command.at is None for command in these):
        return these
    return sorted(these, key=lambda each: (each.at or 0, each.siprec_track or "", each.siprec_name or ""))


def of_sessions(sessions: Sequence[SiprecSession], commands: Sequence[Command], skew_us: int) -> Mapping[int, str]:
    """Give the track of each session and attempt by its number: that of its command, else of the one before.

    ``commands`` are those of ``starts``. They belong to the sessions that came after them, in order.
    """
    if not commands:
        return {}
    times = [_began_at(each) for each in sessions]
    sent = [command.at for command in commands if command.at is not None]
    if len(sent) < len(commands):
        places = [min(index, len(commands) - 1) for index in range(len(sessions))]
    else:
        paired = pairing.pair(sent, times, skew_us)
        before = [max(0, bisect_right(sent, at + skew_us) - 1) for at in times]
        places = [paired.get(index, place) for index, place in enumerate(before)]
    return {each.seq: commands[place].siprec_track or BOTH for each, place in zip(sessions, places, strict=True)}


def sides(
    covered: Spans,
    others: Spans,
    sessions: Iterable[SiprecSession],
    track_of: Mapping[int, str],
    required: str,
) -> tuple[Spans, ...]:
    """Give, for each required side, what of ``covered`` has it; none where every session has both sides.

    ``others`` is time that recordings other than SIPREC sessions cover; those have both sides.
    """
    if not any(track in ONE_SIDED for track in track_of.values()):
        return ()
    sides = (required,) if required in ONE_SIDED else ONE_SIDED
    having = ([each for each in sessions if track_of[each.seq] in (side, BOTH)] for side in sides)
    return tuple(intersect(covered, union((*others, *_extents(its)))) for its in having)


def _began_at(session: SiprecSession) -> Instant:
    began_at = session.started_at if session.started_at is not None else session.ended_at
    assert began_at is not None, "a session has a start or an end"
    return began_at


def _extents(sessions: Iterable[SiprecSession]) -> Iterator[Span]:
    for each in sessions:
        if each.started_at is not None and each.ended_at is not None:
            yield each.started_at, each.ended_at
