"""What is refused, each with a stable ``reason``.

AccessRefused            a request may not have what it asks for
├── KeyRefused    401    key_missing, key_refused (none of ours, unknown, wrong or revoked: which one is not said)
└── ScopeMissing  403    scope_missing
KeyNotMade               a key cannot be made so: scope_unknown, scope_missing, name_refused, name_taken
KeyNotFound              no key of that name or id: key_not_found
"""


class AccessRefused(Exception):
    """A request may not have what it asks for."""

    status = 403

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class KeyRefused(AccessRefused):
    """The request shows no key that is in force."""

    status = 401


class ScopeMissing(AccessRefused):
    """The key is in force, and not for this."""


class KeyNotMade(ValueError):
    """A key cannot be made so."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class KeyNotFound(LookupError):
    """No key is named so."""

    reason = "key_not_found"
