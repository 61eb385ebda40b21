"""System events: what the program itself puts on the record, in the same log and the same envelope as all else.

The envelope is a webhook's (``data`` with id, type, time and payload), so that whoever reads one reads the other.
Equal content makes an equal id: an event that two processes append at once is stored once.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from store.entry import Entry

SOURCE = "system"

KEY_TRUSTED = "key.trusted"
IDLE = "log.idle"
CONTINUED = "log.continued"
READMITTED = "log.readmitted"
OUTAGE = "ingest.outage"
POLICY_APPLIED = "policy.applied"
TYPES = (KEY_TRUSTED, IDLE, CONTINUED, READMITTED, OUTAGE, POLICY_APPLIED)
"""All that the program itself says."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def event(event_type: str, payload: Mapping[str, Any], now_us: int, *, occurred_us: int | None = None) -> Entry:
    """Give the entry of a system event. ``now_us`` is our clock; it happened at ``occurred_us``, if that is known.

    Its id is made of its type, time and payload, and so is its delivery: appended twice, it is there once.
    """
    said: dict[str, Any] = {"record_type": "event", "event_type": event_type, "payload": payload}
    if occurred_us is not None:
        said["occurred_at"] = instant(occurred_us)
    name = sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()
    event_id = str(UUID(bytes=name[:16]))
    written = orjson.dumps({**said, "id": event_id}, option=orjson.OPT_SORT_KEYS)
    return Entry(
        source=SOURCE,
        received_us=now_us,
        body=b'{"data":' + written + b"}",
        data_hash=sha256(written).digest(),
        event_type=event_type,
        event_id=event_id,
        occurred_us=occurred_us,
        delivery_id=UUID(bytes=name[16:]),
    )


def instant(instant_us: int) -> str:
    """Write an instant as webhooks do: ISO 8601, UTC, microseconds."""
    return (_EPOCH + timedelta(microseconds=instant_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant_us(moment: datetime) -> int:
    """Give the microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
