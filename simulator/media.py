"""What else happens on a leg: keys, prompts, hold, conferences, streams, native recordings, cost.

Each function writes webhooks within the leg's talk time (or after its end, where Telnyx does so) and notes
the true rows there are. Every secret is made by the world's ``SecretMaker``.
"""

from calls import instants
from calls.instants import SECOND, Instant
from simulator.script import LegScript
from simulator.truth import TrueDtmf, TrueNative
from simulator.webhooks import Form, Mark

_NATIVE_FAULTS = (
    "Failed to authorize with storage using custom credentials",
    "Invalid credentials json",
    "Unsupported backend",
    "Internal server error",
)
_NEW_TYPES = ("call.mood.changed", "call.hologram.started", "call.translation.ended")


def press_keys(leg: LegScript) -> None:
    """Press single keys, then have a whole number gathered."""
    at = leg.at_share(0.05, 0.2)
    for _ in range(leg.rng.randrange(2, 7)):
        at = leg.later(at, 200, 900)
        leg.emit("call.dtmf.received", at, digit=leg.rng.choice("0123456789*#"))
        leg.call.dtmf.append(
            TrueDtmf(call_leg_id=leg.leg_id, occurred_at=at, event_type="call.dtmf.received", digit_count=1)
        )
    gather(leg, leg.at_share(0.5, 0.7))


def gather(leg: LegScript, at: Instant) -> None:
    """Have 16 digits gathered."""
    digits, event_type = leg.call.world.secret.digits(), "call.gather.ended"
    leg.emit(event_type, at, digits=digits, status="valid")
    leg.call.dtmf.append(
        TrueDtmf(
            call_leg_id=leg.leg_id,
            occurred_at=at,
            event_type=event_type,
            digit_count=len(digits),
            status="valid",
        )
    )


def announce(leg: LegScript) -> None:
    """Speak a sentence, then play a file."""
    spoken, played = leg.at_share(0.02, 0.1), leg.at_share(0.3, 0.5)
    speak_id = leg.call.world.name.token(5)
    leg.emit("call.speak.started", spoken, speak_id=speak_id)
    leg.emit("call.speak.ended", leg.later(spoken, 900, 1_500), speak_id=speak_id, status="completed")
    media = {"media_url": "https://media.example.com/notice.mp3", "overlay": False}
    leg.emit("call.playback.started", played, **media)
    leg.emit("call.playback.ended", leg.later(played, 2_000, 4_000), status="completed", **media)


def hold(leg: LegScript) -> None:
    """Put the leg on hold and take it back."""
    at = leg.at_share(0.3, 0.5)
    leg.emit("call.hold", at)
    leg.emit("call.unhold", leg.later(at, 2_000, 5_000))


def confer(leg: LegScript) -> None:
    """Join a conference: the floor changes before it is created, and its end comes after the hangup."""
    conference = {"conference_id": leg.call.world.name.event_id()}
    joined, ended = leg.at_share(0.02, 0.1), leg.later(leg.ends, 200, 900)
    _confer_untimed(leg, "floor.changed", joined, conference, Form.FLAT)
    _confer_untimed(leg, "created", leg.later(joined, 20, 60), conference)
    leg.emit("conference.participant.joined", leg.later(joined, 80, 200), **conference)
    _speak_to_all(leg, leg.at_share(0.4, 0.5), conference)
    leg.emit("conference.participant.left", leg.later(leg.ends, 20, 100), **conference)
    _confer_untimed(leg, "ended", ended, {**conference, "reason": "all_left"})


def _confer_untimed(leg: LegScript, name: str, at: Instant, fields: dict[str, str], form: Form = Form.WRAPPED) -> None:
    """Write a conference webhook, which has its time inside the payload."""
    event_type = f"conference.{name}"
    payload = {**leg.common(event_type), **fields, "occurred_at": instants.to_text(at)}
    leg.emit_data(event_type, at, payload, form=form, occurred_at=None)


def _speak_to_all(leg: LegScript, at: Instant, conference: dict[str, str]) -> None:
    """Speak to the whole conference: by their type these webhooks are about no leg."""
    for name, moment in (("started", at), ("ended", leg.later(at, 900, 1_500))):
        payload = {
            **conference,
            "connection_id": leg.call.connection.connection_id,
            "creator_call_session_id": leg.call.session_id,
            "occurred_at": instants.to_text(moment),
        }
        event_type = f"conference.speak.{name}"
        leg.emit_data(event_type, moment, payload, Mark.UNATTRIBUTED, occurred_at=None)


def stream(leg: LegScript) -> None:
    """Stream the audio out; one stream in four cannot be opened."""
    at, url = leg.later(leg.answered, 100, 600), "wss://stream.example.com/audio"
    if leg.rng.random() < 0.25:
        params = {"stream_url": url, "track": "both_tracks"}
        leg.emit("streaming.failed", at, failure_reason="connection_failed", stream_params=params)
        return
    leg.emit("streaming.started", at, stream_url=url)
    leg.emit("streaming.stopped", leg.ends, stream_url=url)


def detect_machine(leg: LegScript) -> None:
    """Tell whether a person or a machine answered."""
    result = leg.rng.choice(("human", "human", "machine", "not_sure"))
    leg.emit("call.machine.detection.ended", leg.later(leg.answered, 1_500, 4_000), result=result)
    if result == "machine":
        leg.emit("call.machine.greeting.ended", leg.later(leg.answered, 5_000, 9_000), result="beep_detected")


def transcribe(leg: LegScript) -> None:
    """Transcribe a sentence of the call."""
    heard = {"confidence": 0.977219, "is_final": True, "transcript": leg.call.world.secret.transcript()}
    leg.emit("call.transcription", leg.at_share(0.3, 0.6), transcription_data=heard)


def save_recording(leg: LegScript) -> None:
    """Have Telnyx record the call; the recording is saved some seconds after the hangup."""
    secret, channels = leg.call.world.secret, leg.rng.choice(("single", "dual"))
    begin, saved = leg.later(leg.answered, 200, 800), leg.later(leg.ends, 1_000, 9_000)
    event_type = "call.recording.saved"
    payload = leg.common(event_type) | {
        "channels": channels,
        "format": "mp3",
        "public_recording_urls": {"mp3": secret.url("mp3"), "wav": secret.url("wav")},
        "recording_ended_at": instants.to_text(leg.ends),
        "recording_id": leg.call.world.name.event_id(),
        "recording_started_at": instants.to_text(begin),
        "recording_urls": {"mp3": secret.url("mp3"), "wav": secret.url("wav")},
    }
    del payload["call_control_id"]
    leg.emit_data(event_type, saved, payload)
    leg.notes.recorded_natively(begin, leg.ends)
    leg.call.natives.append(
        TrueNative(
            call_leg_id=leg.leg_id,
            status="saved",
            occurred_at=saved,
            started_at=begin,
            ended_at=leg.ends,
            channels=channels,
        )
    )


def fail_recording(leg: LegScript) -> None:
    """Have Telnyx fail to store its recording."""
    at, reason = leg.later(leg.ends, 1_000, 5_000), leg.rng.choice(_NATIVE_FAULTS)
    leg.emit("call.recording.error", at, reason=reason)
    leg.notes.told_failure = True
    leg.call.natives.append(TrueNative(call_leg_id=leg.leg_id, status="error", occurred_at=at, reason=reason))


def bill(leg: LegScript) -> None:
    """Tell the cost, some 400 ms after the hangup and with the time in two places."""
    at = leg.later(leg.ends, 300, 500)
    seconds = -(-(leg.ends - leg.answered) // (60 * SECOND)) * 60
    cost = f"{seconds // 60 * 0.005:.4f}"
    part = {
        "billed_duration_secs": seconds,
        "call_part": "sip-trunking",
        "cost": cost,
        "currency": "USD",
        "rate": "0.0050",
    }
    leg.emit(
        "call.cost",
        at,
        billed_duration_secs=seconds,
        billing_group_id=None,
        cost_parts=[part],
        occurred_at=instants.to_text(at),
        status="success",
        total_cost=cost,
    )


def happen_newly(leg: LegScript) -> None:
    """Send a type nobody knows yet, with a command in it and that command's password."""
    password = leg.call.world.secret.password()
    command = {"name": "refer", "sip_auth_password": password, "sip_auth_username": "desk"}
    event_type = leg.rng.choice(_NEW_TYPES)
    leg.emit(event_type, leg.at_share(0.3, 0.6), Mark.UNKNOWN_TYPE, command=command, level=3)


def lose_time(leg: LegScript) -> None:
    """Send a key press without a time: it can be stored, never placed."""
    event_type = "call.dtmf.received"
    payload = leg.common(event_type) | {"digit": "5"}
    leg.emit_data(event_type, leg.at_share(0.3, 0.6), payload, Mark.QUARANTINED, occurred_at=None)


def lose_leg(leg: LegScript) -> None:
    """Send a hold that names no leg and no session."""
    payload = leg.common("call.hold")
    del payload["call_leg_id"], payload["call_session_id"]
    leg.emit_data("call.hold", leg.at_share(0.3, 0.6), payload, Mark.QUARANTINED)


def garble(leg: LegScript) -> None:
    """Send a signed body that is cut off."""
    at = leg.at_share(0.3, 0.6)
    leg.emit_data("call.hold", at, leg.common("call.hold"), Mark.QUARANTINED, Form.GARBLED)
