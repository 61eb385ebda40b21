"""The canonical form of JSON: what tells a redelivery from a conflict and breaks the last ties.

Keys sorted, no spaces, as orjson writes them. For ASCII keys, integers within 2^53 and no floats that is
RFC 8785. Beyond, it is as stable but its own: keys sort by code point (RFC 8785: by UTF-16 unit), floats may
be written otherwise, integers beyond 64 bits became floats when read, of two equal keys the last was kept.
"""

import orjson


def encode(value: object) -> bytes | None:
    """Write a value that ``orjson.loads`` gave; None where it is nested deeper than orjson writes (254)."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return None
