"""One plain sentence for each event of a call, for people who read a timeline.

``sentence`` is total on any payload. It shows parties, causes, codes, durations and the provider's own words;
it never shows digits pressed, payment data, passwords, web addresses or what was said (``calls.wording``).
A kind of event it does not know is shown by its type. To teach it a kind, add the kind to ``SENTENCES``.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from calls import instants, wording
from calls.event import Event

Teller: TypeAlias = Callable[[Event], str]
"""Tells one kind of event; it MUST be total, whatever the payload holds."""

_AMOUNT = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")


def sentence(event: Event) -> str:
    """Tell what happened in one sentence of one line, ending in a full stop."""
    told = SENTENCES.get(event.kind)
    if told is None:
        return f"Event {wording.shown(event.event_type) or 'without a type'}."
    return told if isinstance(told, str) else told(event)


def _initiated(event: Event) -> str:
    calls = {"incoming": "Incoming call", "outgoing": "Outgoing call"}
    return f"{wording.choice(event, 'direction', calls, 'Call')}{wording.parties(event)} started."


def _answered(event: Event) -> str:
    return f"The call{wording.parties(event)} was answered."


def _hung_up(event: Event) -> str:
    sources = {"caller": "The caller hung up", "callee": "The called party hung up"}
    who = wording.choice(event, "hangup_source", sources, "The call ended")
    start, end = (instants.parse(wording.field(event, key)) for key in ("start_time", "end_time"))
    length = wording.after(" after ", wording.span(start, event.occurred_at if end is None else end))
    sip = wording.after(", ", wording.sip(event, "sip_hangup_cause"))
    return f"{who}{length}: {wording.cause(event, 'hangup_cause')}{sip}."


def _recording_saved(event: Event) -> str:
    what = "conference recording" if event.kind.startswith("conference.") else "recording"
    start, end = (instants.parse(wording.field(event, f"recording_{edge}_at")) for edge in ("started", "ended"))
    channels = {"single": " (single channel)", "dual": " (dual channel)"}
    length = wording.after(" of ", wording.span(start, end))
    return f"A {what}{length}{wording.choice(event, 'channels', channels)} was saved."


def _cost(event: Event) -> str:
    if wording.field(event, "status") == "error":
        return "The cost of the call could not be computed."
    total = wording.field(event, "total_cost")
    known = isinstance(total, str) and _AMOUNT.fullmatch(total)
    price = f": {total}{_currency(wording.field(event, 'cost_parts'))}" if known else ""
    billed = wording.after(", ", wording.seconds(event, "billed_duration_secs"), " billed")
    return f"The cost of the call was computed{price}{billed}."


def _currency(parts: Any) -> str:
    first: Any = cast("list[Any]", parts)[0] if isinstance(parts, list) and parts else None
    unit: Any = cast("dict[str, Any]", first).get("currency") if isinstance(first, dict) else None
    return f" {unit}" if isinstance(unit, str) and _CURRENCY.fullmatch(unit) else ""


def _gathered(event: Event) -> str:
    keys = wording.field(event, "digits")
    # How many, never which: what is typed may be a card number or a PIN.
    number = f", {len(keys)} pressed" if isinstance(keys, str) else ""
    return f"Gathering of keys ended{wording.after(' (', wording.words(event, 'status'), ')')}{number}."


def _enqueued(event: Event) -> str:
    position = wording.count(event, "current_position")
    place = "" if position is None else f" at position {position}"
    return f"The call entered the queue{wording.after(' ', wording.label(event, 'queue'))}{place}."


def _dequeued(event: Event) -> str:
    queue = wording.after(" ", wording.label(event, "queue"))
    waited = wording.after(" after ", wording.seconds(event, "wait_time_secs"))
    return f"The call left the queue{queue}{waited}{wording.after(': ', wording.words(event, 'reason'))}."


def _conversation_ended(event: Event) -> str:
    length = wording.after(" after ", wording.seconds(event, "duration_sec"))
    reason = wording.after(": ", wording.words(event, "reason"))
    return f"The conversation with the assistant ended{length}{reason}."


def _deepfake_result(event: Event) -> str:
    score = wording.field(event, "score")
    usual = isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 100
    result = wording.words(event, "result") or "no result given"
    return f"Deepfake detection ended: {result}{f' (score {score:.3g})' if usual else ''}."


def _payment(event: Event) -> str:
    # Payment events carry card and bank data; only where the dialogue stands is told.
    standing = filter(None, (wording.words(event, key) for key in ("payment_step", "payment_status")))
    return f"A payment by phone went on{wording.after(': ', ', '.join(standing))}."


def _refer(outcome: str) -> Teller:
    def tell(event: Event) -> str:
        status = wording.after(" with ", wording.sip(event, "sip_notify_response"))
        return f"The transfer (REFER) {outcome}{status}."

    return tell


def _with_cause(lead: str, key: str) -> Teller:
    return lambda event: f"{lead}: {wording.cause(event, key)}."


def _with_words(lead: str, *keys: str) -> Teller:
    def tell(event: Event) -> str:
        found = filter(None, (wording.words(event, key) for key in keys))
        return f"{lead}{wording.after(': ', next(found, ''))}."

    return tell


def _with_media(lead: str, outcome: str) -> Teller:
    def tell(event: Event) -> str:
        media = wording.after(" of ", wording.label(event, "media_name"))
        return f"{lead}{media} {outcome}{wording.after(': ', wording.words(event, 'status'))}."

    return tell


def _command(told: str) -> Teller:
    def tell(event: Event) -> str:
        action = wording.after(" ", wording.label(event, "action")) or " something"
        return f"{told.format(who=wording.shown(wording.field(event, 'actor')) or 'Somebody', what=action)}."

    return tell


def _command_refused(event: Event) -> str:
    by = "Telnyx" if wording.field(event, "by") == "telnyx" else "the gateway"
    action = wording.after(" ", wording.label(event, "action"))
    why = wording.after(": ", wording.words(event, "error_title") or wording.words(event, "reason"))
    return f"The command{action} was refused by {by}{why}."


SENTENCES: Mapping[str, str | Teller] = {
    "command.accepted": _command("Telnyx took the command{what}"),
    "command.approval_required": _command("The command{what} waits for a second person"),
    "command.approved": _command("{who} approved the command{what}"),
    "command.confirmed": _command("What the command{what} asked for has happened"),
    "command.denied": _command("{who} denied the command{what}"),
    "command.expired": _command("Nothing shows that the command{what} was done"),
    "command.in_doubt": _command("Whether the command{what} was done is not known"),
    "command.refused": _command_refused,
    "command.repeated": _command("{who} repeated the command{what}; it was not sent again"),
    "command.requested": _command("{who} asked for the command{what}"),
    "command.sent": _command("The command{what} was sent to Telnyx"),
    "ai_assistant.post_call_insight": "The assistant gave its insight into the call.",
    "call.ai_gather.ended": _with_words("The assistant ended gathering answers", "status"),
    "call.ai_gather.message_history_updated": "The assistant's dialogue went on.",
    "call.ai_gather.partial_results": "The assistant gathered part of the answers.",
    "call.analyzed": _with_words("The conversation was analysed", "reason"),
    "call.answered": _answered,
    "call.bridged": "The call was bridged to another leg.",
    "call.conversation.created": "A conversation with an assistant was created.",
    "call.conversation.ended": _conversation_ended,
    "call.conversation.start_failed": _with_words("The conversation with the assistant could not start", "reason"),
    "call.conversation_insights.generated": "Insights into the conversation were generated.",
    "call.cost": _cost,
    "call.deepfake_detection.error": _with_words("Deepfake detection failed", "error_message"),
    "call.deepfake_detection.result": _deepfake_result,
    "call.dequeued": _dequeued,
    "call.detection.ended": _with_words("Detection of who answered ended", "result"),
    "call.dtmf.received": "A key was pressed.",
    "call.enqueued": _enqueued,
    "call.fork.started": "Forking of the call's media started.",
    "call.fork.stopped": "Forking of the call's media stopped.",
    "call.gather.ended": _gathered,
    "call.hangup": _hung_up,
    "call.hold": "The call was put on hold.",
    "call.initiated": _initiated,
    "call.machine.detection.ended": _with_words("Answering machine detection ended", "result"),
    "call.machine.greeting.ended": _with_words("The answering machine's greeting ended", "result"),
    "call.machine.premium.call_screening.detected": "Call screening was detected.",
    "call.machine.premium.detection.ended": _with_words("Premium answering machine detection ended", "result"),
    "call.machine.premium.detection.started": "Premium answering machine detection started.",
    "call.machine.premium.greeting.ended": _with_words("The answering machine's greeting ended", "result"),
    "call.payment.completed": _with_words("A payment by phone ended", "result"),
    "call.payment.progress": _payment,
    "call.playback.ended": _with_media("Playback", "ended"),
    "call.playback.started": _with_media("Playback", "started"),
    "call.recording.error": _with_words("Recording failed", "reason", "result"),
    "call.recording.saved": _recording_saved,
    "call.recording.started": "Recording started.",
    "call.recording.transcription.saved": "A transcription of the recording was saved.",
    "call.refer.completed": _refer("completed"),
    "call.refer.failed": _refer("failed"),
    "call.refer.started": _refer("started"),
    "call.ringing": "The called party's phone rings.",
    "call.speak.ended": _with_words("Speaking a text to the call ended", "status"),
    "call.speak.started": "Speaking a text to the call started.",
    "call.transcription": "A piece of the call was transcribed.",
    "call.unhold": "The call was taken off hold.",
    "conference.created": "The conference was created.",
    "conference.ended": _with_words("The conference ended", "reason"),
    "conference.floor.changed": "Another participant took the floor of the conference.",
    "conference.participant.joined": "A participant joined the conference.",
    "conference.participant.left": "A participant left the conference.",
    "conference.participant.playback.ended": _with_media("Playback to a participant", "ended"),
    "conference.participant.playback.started": _with_media("Playback to a participant", "started"),
    "conference.participant.speak.ended": "Speaking a text to a participant ended.",
    "conference.participant.speak.started": "Speaking a text to a participant started.",
    "conference.playback.ended": _with_media("Playback to the conference", "ended"),
    "conference.playback.started": _with_media("Playback to the conference", "started"),
    "conference.recording.saved": _recording_saved,
    "conference.speak.ended": "Speaking a text to the conference ended.",
    "conference.speak.started": "Speaking a text to the conference started.",
    "siprec.failed": _with_cause("Recording to the SIPREC server failed", "failure_cause"),
    "siprec.started": "Recording to the SIPREC server started.",
    "siprec.stopped": _with_cause("Recording to the SIPREC server stopped", "hangup_cause"),
    "streaming.failed": _with_words("Streaming of the call's media failed", "failure_reason"),
    "streaming.started": "Streaming of the call's media started.",
    "streaming.stopped": "Streaming of the call's media stopped.",
}
"""Kind of event -> its sentence, or what tells it."""
