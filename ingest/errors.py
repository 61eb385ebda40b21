"""Why a delivery is refused: one exception, a stable ``reason`` each, and the status it is answered with.

Refused
├── SignatureRejected    401  signature_missing, signature_malformed, signature_mismatch,
│                             timestamp_missing, timestamp_malformed, timestamp_outside_tolerance
├── MethodRefused        405  method_not_allowed
├── BodyTimedOut         408  body_timeout (Telnyx repeats what was answered 408)
├── BodyTooLarge         413  body_too_large
├── ContentRefused       415  content_type_unsupported, content_encoding_unsupported
├── RateLimited          429  rate_limited (Telnyx repeats what was answered 429)
└── Unavailable          503  log_unavailable, spool_unavailable, log_slow, bodies_too_many (Telnyx repeats 5xx)
KeyRefused, apart: a configured public key that cannot be used.
"""

RATE_LIMITED = "rate_limited"


class Refused(Exception):
    """A delivery that is not taken. ``reason`` is also the metric label and the log field."""

    status = 400

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class SignatureRejected(Refused):
    """The delivery does not prove that Telnyx sent it now."""

    status = 401


class MethodRefused(Refused):
    """Webhooks are posted."""

    status = 405


class BodyTimedOut(Refused):
    """The body did not arrive in time."""

    status = 408


class BodyTooLarge(Refused):
    """The body is larger than any webhook."""

    status = 413


class ContentRefused(Refused):
    """The body is of a kind that Telnyx does not send."""

    status = 415


class RateLimited(Refused):
    """The address was refused too often of late; why this one would have been is no longer told, nor written down."""

    status = 429


class Unavailable(Refused):
    """The delivery is good, and cannot be kept now."""

    status = 503


class KeyRefused(ValueError):
    """A public key in the settings is none."""

    reason = "public_key_refused"


REASONS = (
    "signature_missing",
    "signature_malformed",
    "signature_mismatch",
    "timestamp_missing",
    "timestamp_malformed",
    "timestamp_outside_tolerance",
    "method_not_allowed",
    "body_timeout",
    "body_too_large",
    "content_type_unsupported",
    "content_encoding_unsupported",
    RATE_LIMITED,
    "log_unavailable",
    "spool_unavailable",
    "log_slow",
    "bodies_too_many",
    "entry_refused",
)
"""Every ``reason`` of a refusal: a closed list, since each is a label of a metric."""
