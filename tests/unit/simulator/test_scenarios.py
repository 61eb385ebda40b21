"""What a default afternoon contains."""

from collections import Counter

from calls.instants import SECOND
from simulator import KINDS, Simulation, simulate

SEED_WEBHOOKS = {
    "call.refer.started",
    "call.refer.completed",
    "call.refer.failed",
    "siprec.started",
    "siprec.stopped",
    "siprec.failed",
}
WHOLE_LIFE = {
    "call.initiated",
    "call.answered",
    "call.bridged",
    "call.hangup",
    "call.cost",
    "call.recording.saved",
    "call.recording.error",
    "call.dtmf.received",
    "call.gather.ended",
    "call.speak.started",
    "call.speak.ended",
    "call.playback.started",
    "call.playback.ended",
    "call.hold",
    "call.unhold",
    "call.machine.detection.ended",
    "call.transcription",
    "conference.created",
    "conference.participant.joined",
    "conference.participant.left",
    "conference.floor.changed",
    "conference.ended",
    "streaming.started",
    "streaming.stopped",
    "call.siprec.started",
}


def test_every_kind_happens_when_there_are_as_many_calls_as_kinds(start: int) -> None:
    """The smallest afternoon that can have every kind has every kind once."""
    made = simulate(seed=9, start=start, calls=len(KINDS))
    assert Counter(call.kind for call in made.truth.calls) == Counter(KINDS.keys())


def test_every_seed_webhook_and_the_whole_life_of_a_call_happen_in_the_default_afternoon(
    afternoon: Simulation,
) -> None:
    """The six webhooks the product starts from are there, and those around them."""
    types = {webhook.event_type for call in afternoon.calls for webhook in call.webhooks}
    assert types >= SEED_WEBHOOKS | WHOLE_LIFE


def test_every_final_state_of_a_leg_happens_in_the_default_afternoon(afternoon: Simulation) -> None:
    """Legs end in each way a leg can end; ringing and in progress are never final."""
    statuses = {leg.status for leg in afternoon.truth.legs()}
    assert statuses == {"ended_answered", "ended_unanswered", "ended_answer_unknown", "stale"}


def test_every_final_siprec_status_happens_in_the_default_afternoon(afternoon: Simulation) -> None:
    """SIPREC rows end in each way there is; open is never final."""
    statuses = {row.status for row in afternoon.truth.siprec_sessions()}
    assert statuses == {
        "stopped",
        "failed",
        "failed_midway",
        "closed_by_hangup",
        "stopped_without_start",
        "stale_open",
    }


def test_transfers_complete_fail_and_stay_open_in_the_default_afternoon(afternoon: Simulation) -> None:
    """Each undecided outcome happens, success happens, and several refusals do."""
    outcomes = {row.outcome for row in afternoon.truth.refer_attempts()}
    undecided = {"superseded_no_terminal", "unconfirmed_call_ended", "unconfirmed_timeout"}
    assert outcomes >= {"completed", "declined", *undecided}
    assert len(outcomes - undecided) >= 6


def test_a_broken_recorder_refuses_every_new_session_of_its_connection(start: int) -> None:
    """Inside the breakdown its connection has attempts, all failed; elsewhere most recordings start."""
    made = simulate(seed=4, start=start, calls=2_000)
    down = made.breakdown
    rows = [row for row in made.truth.siprec_sessions() if row.connection_id == down.connection_id]
    inside = [row for row in rows if down.started_at <= (row.started_at or row.shown_at) < down.ended_at]
    attempts = [row for row in inside if row.status != "stopped_without_start"]
    assert len(attempts) > 20
    assert {row.status for row in attempts} == {"failed"}
    before = [row for row in rows if row.shown_at < down.started_at - 60 * SECOND]
    assert sum(row.status == "failed" for row in before) * 4 < len(before)


def test_connections_share_the_afternoon(afternoon: Simulation) -> None:
    """Every connection takes calls, and transfers and recordings of each can be compared."""
    taken = Counter(call.connection_id for call in afternoon.truth.calls)
    assert set(taken) == {connection.connection_id for connection in afternoon.connections}
    assert min(taken.values()) > 20
