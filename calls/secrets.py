"""The one list of what must never be stored readable, and why (domain 6, traps 1 and 5).

Only the list: ``masking`` finds these values in a body and replaces them.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum


class Kind(IntEnum):
    """Why a value is masked; where two apply, the higher one counts."""

    NONE = 0
    BEARER = 1  # a URL that grants access: cannot be guessed, so its original may be kept sealed
    TRANSCRIPT = 2  # what was said; a switch of the caller, otherwise as GUESSABLE
    GUESSABLE = 3  # few enough possible values that any hash or signature of the original gives it away


class Shape(Enum):
    """Which values of a key a secret covers. An element of an array counts as a value of the array's key."""

    ANY = "any"  # a scalar, and every scalar at any depth of an object or array
    SCALAR = "scalar"  # strings and numbers only: what is inside an object has keys of its own
    CONTAINER = "container"  # every scalar inside an object or array, but no scalar itself


@dataclass(frozen=True, slots=True)
class Secret:
    """Values of the key ``name``, at any depth, or only below the key ``inside``.

    Names are matched in any case, with ``_``, ``-`` or nothing between their words: ``payment_card_number``
    of a webhook is ``PaymentCardNumber`` of a form.
    """

    name: str
    kind: Kind
    shape: Shape = Shape.ANY
    inside: str | None = None


SECRETS: tuple[Secret, ...] = (
    # Key presses: call.dtmf.received, call.gather.ended, send_dtmf, form Digits, dial.
    Secret("digit", Kind.GUESSABLE),
    Secret("digits", Kind.GUESSABLE),
    Secret("send_digits", Kind.GUESSABLE),
    Secret("send_digits_on_answer", Kind.GUESSABLE),
    # Credentials of commands: refer, transfer, dial.
    Secret("sip_auth_password", Kind.GUESSABLE),
    Secret("password", Kind.GUESSABLE),
    # call.payment.*, also where the provider masked a part itself; then other names for the same things.
    Secret("payment_card_number", Kind.GUESSABLE),
    Secret("payment_card_postal_code", Kind.GUESSABLE),
    Secret("security_code", Kind.GUESSABLE),
    Secret("expiration_date", Kind.GUESSABLE),
    Secret("bank_account_number", Kind.GUESSABLE),
    Secret("bank_routing_number", Kind.GUESSABLE),
    Secret("card_number", Kind.GUESSABLE),
    Secret("card_security_code", Kind.GUESSABLE),
    Secret("card_expiration_date", Kind.GUESSABLE),
    Secret("card_postal_code", Kind.GUESSABLE),
    Secret("cvv", Kind.GUESSABLE),
    Secret("cvc", Kind.GUESSABLE),
    Secret("expiry_date", Kind.GUESSABLE),
    Secret("account_number", Kind.GUESSABLE),
    Secret("routing_number", Kind.GUESSABLE),
    # call.ai_gather.*: an object of whatever was asked for. A scalar `result` is a status of other events.
    Secret("result", Kind.GUESSABLE, Shape.CONTAINER),
    Secret("partial_results", Kind.GUESSABLE),
    # What was said, and what a model wrote about it.
    Secret("transcript", Kind.TRANSCRIPT),
    Secret("transcription_text", Kind.TRANSCRIPT),
    Secret("transcription_data", Kind.TRANSCRIPT, Shape.SCALAR),
    Secret("message_history", Kind.TRANSCRIPT, Shape.SCALAR),
    Secret("content", Kind.TRANSCRIPT, inside="message_history"),
    Secret("speech_result", Kind.TRANSCRIPT),
    Secret("unstable_speech_result", Kind.TRANSCRIPT),
    Secret("result", Kind.TRANSCRIPT, inside="speech"),
    Secret("result", Kind.TRANSCRIPT, inside="results"),
    Secret("result", Kind.TRANSCRIPT, inside="conversation_insights"),
    # URLs that give the recording to whoever has them.
    Secret("recording_url", Kind.BEARER),
    Secret("recording_urls", Kind.BEARER),
    Secret("public_recording_url", Kind.BEARER),
    Secret("public_recording_urls", Kind.BEARER),
    Secret("download_url", Kind.BEARER),
    Secret("download_urls", Kind.BEARER),
    Secret("recordings", Kind.BEARER, Shape.SCALAR),
    Secret("url", Kind.BEARER, inside="recordings"),
    Secret("urls", Kind.BEARER, inside="recordings"),
    Secret("mp3", Kind.BEARER, inside="recordings"),
    Secret("wav", Kind.BEARER, inside="recordings"),
)
"""Everything that is masked, and why."""
