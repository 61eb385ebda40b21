"""Versions of the policy, put on the record as events of the log itself. What they say is not read here."""

from datetime import datetime
from hashlib import sha256

from store import system
from store.entry import Entry


def applied(document: str, reason: str | None, now: datetime) -> Entry:
    """Give the event of a policy that is in force from now on, with its text and why it was applied."""
    said = {"document": document, "sha256": digest(document), "reason": reason}
    now_us = system.instant_us(now)
    return system.event(system.POLICY_APPLIED, said, now_us, occurred_us=now_us)


def digest(document: str) -> str:
    """Give the SHA-256 of a policy's text, in hexadecimal digits."""
    return sha256(document.encode()).hexdigest()
