"""The kinds of call there are, and an afternoon made of them.

A kind is a story told to a fresh call. Kinds are drawn by weight; an afternoon with at least as many calls as
there are kinds has every one of them. A recorder of one connection is down for a while: ordinary calls then
find it so, and kinds with a recording story of their own happen on other connections.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from calls.instants import MILLISECOND, SECOND, Instant
from calls.policy import Judgement
from simulator import media, recorders, transfers
from simulator.identities import Identities
from simulator.script import Call, CallScript, LegScript
from simulator.secrets import SecretMaker
from simulator.world import Breakdown, Connection, World

_HOST = "https://webhooks.example.com"
_CONNECTION_NAMES = ("sales", "support", "claims", "trading")
_CONNECTION_WEIGHTS = (4, 3, 2, 1)
_BROKEN_CONNECTION = 1
_BREAKDOWN_PERCENT = (40, 50)  # of the afternoon
_UNANSWERED = (
    *[("no_answer", "480")] * 3,
    *[("user_busy", "486")] * 3,
    *[("originator_cancel", "487")] * 3,
    *[("call_rejected", "603")] * 2,
    ("not_found", "404"),
    ("timeout", "408"),
)
_COST_SHARE = 0.2

LegStory = Callable[[LegScript], object]
Story = Callable[[CallScript], object]


@dataclass(frozen=True, slots=True)
class Kind:
    """A story and how often it is told; ``own_recorder``: it is about a recorder that is up."""

    weight: int
    tell: Story
    own_recorder: bool = False


def _conversation(*during: LegStory, record: LegStory | None = recorders.record, out: bool = False) -> Story:
    """Give a story of one answered leg. What happens during it may move its end, so recording comes after."""

    def tell(call: CallScript) -> None:
        leg = call.leg("outgoing" if out else "incoming")
        leg.ring()
        leg.answer()
        for happen in during:
            happen(leg)
        if record is not None:
            record(leg)
        leg.hang_up()
        if leg.rng.random() < _COST_SHARE:
            media.bill(leg)

    return tell


def _bridged(call: CallScript) -> None:
    """Take a call, dial an agent, bridge both and record the first leg."""
    caller, agent = call.leg("incoming"), call.leg("outgoing", after_ms=1_500)
    caller.answered = caller.later(caller.base, 200, 900)
    agent.ends = caller.ends = max(caller.ends, agent.later(agent.answered, 30_000, 60_000))
    for leg in (caller, agent):
        leg.ring()
        leg.answer()
        leg.bridge(leg.later(agent.answered, 20, 80))
    recorders.record(caller)
    caller.hang_up()
    agent.hang_up()


def _unanswered(call: CallScript) -> None:
    """Ring and give up."""
    leg = call.leg(call.rng.choice(("incoming", "outgoing")))
    leg.ring()
    leg.ends = leg.later(leg.base, 3_000, 45_000)
    leg.hang_up(*call.rng.choice(_UNANSWERED))


def _answered_twice(call: CallScript) -> None:
    """Answer, and tell a second answer shortly after: the first one counts."""
    leg = call.leg("incoming")
    leg.ring()
    leg.answer()
    leg.emit_answered(leg.later(leg.answered, 100, 900))
    leg.flags.append("multiple_answered")
    recorders.record(leg)
    leg.hang_up()


def _answer_lost(call: CallScript) -> None:
    """Lose the answer; the bridge is evidence of one."""
    leg = call.leg("incoming")
    leg.ring()
    leg.answer(seen=False)
    leg.bridge(leg.later(leg.answered, 20, 100))
    recorders.record(leg)
    leg.hang_up()


def _answer_unknown(call: CallScript) -> None:
    """Lose the answer with nothing else to show it: only the hangup speaks of a normal end."""
    leg = call.leg("incoming")
    leg.ring()
    leg.answer(seen=False)
    leg.hang_up()


def _start_lost(call: CallScript) -> None:
    """Lose call.initiated."""
    leg = call.leg("incoming")
    leg.ring(seen=False)
    leg.answer()
    recorders.record(leg)
    leg.hang_up()


def _hangup_lost(*during: LegStory) -> Story:
    """Give a story of a leg that is answered and never heard of again: it goes stale."""

    def tell(call: CallScript) -> None:
        leg = call.leg("incoming")
        leg.ring()
        leg.answer()
        for happen in during:
            happen(leg)

    return tell


def _skewed(call: CallScript) -> None:
    """Have the hangup stamped 40 ms before the answer: it moves to the answer, and nothing was said."""
    leg = call.leg("incoming")
    leg.ring()
    leg.answer()
    leg.ends = leg.later(leg.answered, -40, -40)
    leg.hang_up()
    leg.known_hangup = leg.answered
    leg.flags.append("clock_skew")


def _brief(call: CallScript) -> None:
    """Talk for a few seconds: what the tolerances leave uncovered may be more than half of them."""
    leg = call.leg("incoming")
    leg.ends = leg.later(leg.answered, 1_600, 6_000)
    leg.ring()
    leg.answer()
    recorders.session(leg, leg.later(leg.answered, 200, 1_400), leg.ends)
    leg.hang_up()


def _recorder(weight: int, record: LegStory) -> Kind:
    """Give the kind of an answered call with this recording story."""
    return Kind(weight, _conversation(record=record), own_recorder=True)


KINDS: Mapping[str, Kind] = {
    "recorded": Kind(200, _conversation()),
    "recorded_outgoing": Kind(60, _conversation(media.detect_machine, out=True)),
    "bridged": Kind(150, _bridged),
    "unrecorded": Kind(30, _conversation(record=None)),
    "unanswered": Kind(90, _unanswered),
    "recorder_retried": _recorder(25, recorders.record_after_retry),
    "recorder_refused": _recorder(15, recorders.refuse),
    "recorder_broke": _recorder(15, recorders.break_midway),
    "recorder_broke_and_resumed": _recorder(6, recorders.break_and_resume),
    "recorder_broke_then_stopped": _recorder(4, recorders.break_then_stop),
    "recorder_stopped_early": _recorder(6, recorders.stop_early),
    "recorder_restarted": _recorder(15, recorders.restart),
    "recorder_stop_lost": _recorder(20, recorders.lose_stop),
    "recorder_start_lost": _recorder(5, recorders.lose_start),
    "recorder_stop_late": _recorder(20, recorders.stop_late),
    "recorder_start_told_twice": _recorder(4, recorders.start_twice_told),
    "recorder_alias": _recorder(6, recorders.record_with_alias),
    "recorder_alias_refused": _recorder(3, recorders.refuse_with_alias),
    "recorder_overlapped": _recorder(6, recorders.record_over_one_another),
    "recorder_blinked": _recorder(8, recorders.blink),
    "recorder_started_late": _recorder(8, recorders.start_late),
    "recorder_stopped_just_before": _recorder(8, recorders.stop_just_before),
    "short_call": Kind(6, _brief, own_recorder=True),
    "transferred": Kind(30, _conversation(transfers.complete)),
    "transferred_202": Kind(3, _conversation(transfers.complete_with_202)),
    "transfer_refused": Kind(30, _conversation(transfers.refuse)),
    "transfer_retried": Kind(10, _conversation(transfers.retry)),
    "transfer_progressed": Kind(10, _conversation(transfers.progress)),
    "transfer_superseded": Kind(4, _conversation(transfers.supersede)),
    "transfer_unreported": Kind(12, _conversation(transfers.say_nothing)),
    "transfer_timed_out": Kind(3, _hangup_lost(transfers.time_out)),
    "transfer_contradicted": Kind(3, _conversation(transfers.contradict)),
    "transfer_shared_id": Kind(3, _conversation(transfers.share_id)),
    "native_saved": Kind(20, _conversation(media.save_recording, record=None)),
    "native_and_siprec": Kind(10, _conversation(media.save_recording)),
    "native_failed": Kind(8, _conversation(media.fail_recording, record=None)),
    "keys_pressed": Kind(25, _conversation(media.press_keys)),
    "announced": Kind(20, _conversation(media.announce)),
    "held": Kind(15, _conversation(media.hold)),
    "conference": Kind(10, _conversation(media.confer)),
    "streamed": Kind(10, _conversation(media.stream)),
    "transcribed": Kind(8, _conversation(media.transcribe)),
    "unknown_type": Kind(6, _conversation(media.happen_newly)),
    "answered_twice": Kind(4, _answered_twice),
    "answer_lost": Kind(5, _answer_lost),
    "answer_unknown": Kind(3, _answer_unknown),
    "start_lost": Kind(4, _start_lost),
    "hangup_lost": Kind(4, _hangup_lost(recorders.never_end), own_recorder=True),
    "clock_skewed": Kind(3, _skewed),
    "time_missing": Kind(3, _conversation(media.lose_time)),
    "leg_missing": Kind(3, _conversation(media.lose_leg)),
    "garbled": Kind(2, _conversation(media.garble)),
}
"""Every kind of call, by name. Lost and odd webhooks are a few percent, as a bad day has them."""


def world(rng: random.Random, start: Instant, span_us: int, judgements: Mapping[str, Judgement] | None = None) -> World:
    """Make the connections of an afternoon and decide when a recorder is down."""
    name = Identities(rng)
    connections = tuple(
        Connection(name.connection_id(), app, f"{_HOST}/telnyx/{app}", f"{_HOST}/failover/{app}")
        for app in _CONNECTION_NAMES
    )
    first, last = (start + span_us * percent // 100 for percent in _BREAKDOWN_PERCENT)
    breakdown = Breakdown(connections[_BROKEN_CONNECTION].connection_id, first, last)
    return World(rng, name, SecretMaker(rng), connections, breakdown, judgements or {})


def afternoon(place: World, count: int, start: Instant, span_us: int) -> tuple[Call, ...]:
    """Make ``count`` calls that begin within ``span_us`` of ``start``, in order of their beginning."""
    rng = place.rng
    moments = sorted(start + rng.randrange(span_us) for _ in range(count))
    return tuple(_call(place, kind, at) for kind, at in zip(_kinds(rng, count), moments, strict=True))


def _kinds(rng: random.Random, count: int) -> list[str]:
    """Draw ``count`` kinds by weight, each at least once where there is room."""
    sure = list(KINDS)[:count]
    weights = [kind.weight for kind in KINDS.values()]
    drawn = sure + rng.choices(list(KINDS), weights, k=count - len(sure))
    rng.shuffle(drawn)
    return drawn


def _call(place: World, kind: str, at: Instant) -> Call:
    call = CallScript(place, kind, _connection(place, kind, at), at, place.name.leg_id(at - 4 * MILLISECOND))
    KINDS[kind].tell(call)
    return call.finish()


def _connection(place: World, kind: str, at: Instant) -> Connection:
    """Draw a connection; a kind with its own recorder avoids the one that is, or soon will be, down."""
    drawn = place.rng.choices(place.connections, _CONNECTION_WEIGHTS)[0]
    down = place.breakdown
    near = down.started_at - 60 * SECOND <= at < down.ended_at
    if KINDS[kind].own_recorder and near and drawn.connection_id == down.connection_id:
        return place.connections[0]
    return drawn
