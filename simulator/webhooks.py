"""One webhook as Telnyx would write it, before it is signed and sent.

A webhook is the event; a delivery is one sending of it. ``meta`` differs between deliveries, so the bytes of
the wrapped form do too, while ``data`` stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from calls.instants import Instant


class Form(StrEnum):
    """How the body is written."""

    WRAPPED = "wrapped"
    FLAT = "flat"  # the specification gives conference.floor.changed no ``data`` around it
    GARBLED = "garbled"  # signed, but cut off: no JSON


class Mark(StrEnum):
    """What the log must notice about a webhook; the values are names of log counts (domain 8b)."""

    ID_CONFLICT = "id_conflicts"
    SEMANTIC_DUPLICATE = "semantic_duplicates"
    UNKNOWN_TYPE = "unknown_type"
    ALIASED_TYPE = "aliased_type"
    QUARANTINED = "quarantined"
    UNATTRIBUTED = "unattributed"  # names no leg either; others of such a type do


@dataclass(frozen=True, slots=True)
class Webhook:
    """An event. ``occurred_at`` is when it happened, also where ``data`` does not say so."""

    event_type: str
    occurred_at: Instant
    data: Mapping[str, Any]
    form: Form = Form.WRAPPED
    mark: Mark | None = None

    def body(self, attempt: int, delivered_to: str) -> bytes:
        """Write the bytes of one delivery, keys sorted at each level as Telnyx has them."""
        if self.form is Form.WRAPPED:
            meta = {"attempt": attempt, "delivered_to": delivered_to}
            return orjson.dumps({"data": self.data, "meta": meta}, option=orjson.OPT_SORT_KEYS)
        alone = orjson.dumps(self.data, option=orjson.OPT_SORT_KEYS)
        return alone[: len(alone) * 2 // 3] if self.form is Form.GARBLED else alone
