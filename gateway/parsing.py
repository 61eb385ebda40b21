"""What a request is: its path taken apart and put together again, and the command it gives.

A path is parsed, normalised and rebuilt, so that what a key is allowed, what is recorded and what is sent are one and
the same. What has two readings is refused.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from gateway.errors import refused

PREFIX = "/v2"
ID_CHARACTERS_MAX = 255

_SEGMENT = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
_SAFE = "!$&'()*+,;=:@"

EIGHT = (
    *("client_state_update", "refer", "send_dtmf", "siprec_start", "siprec_stop", "suppression_start"),
    *("suppression_stop", "switch_supervisor_role"),
)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""Those that Telnyx has. A TRACE would give its key back to the caller."""

METHOD_OF = {name: "PUT" if name == "client_state_update" else "POST" for name in EIGHT}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about. ``action`` is Telnyx's name of a command, ``dial`` for a new call, else None.

    ``path`` begins with ``/v2``, each segment encoded in the one way that SDKs do.
    """

    method: str
    path: str
    query: bytes
    call_control_id: str | None = None
    action: str | None = None

    @property
    def is_understood(self) -> bool:
        """Tell whether it is one of the eight commands, whose parameters are known."""
        return self.action is not None and METHOD_OF.get(self.action) == self.method

    @property
    def is_recorded(self) -> bool:
        """Tell whether it may change something: all but what only reads."""
        return self.method not in {"GET", "HEAD"}


def target(method: str, raw_path: bytes, query: bytes) -> Target:
    """Read a request's line. Raises Refused for a path that could be read in two ways."""
    if method not in METHODS:
        raise refused(405, "method_refused", "10030", "The API has no such method; nothing was sent.")
    names = [_segment(raw) for raw in raw_path.split(b"/")[1:]]
    if names[:1] != ["v2"] or len(names) < 2:
        raise refused(404, "path_unknown", "10005", "The requested resource or URL could not be found.")
    path = "/" + "/".join(quote(name, safe=_SAFE) for name in names)
    match names[1:]:
        case ["calls", control_id, "actions", action]:
            if query:  # parameters there would be neither checked nor recorded
                raise refused(
                    400, "query_refused", "10015", "A command takes its parameters in its body; nothing was sent."
                )
            return Target(method, path, query, _checked(control_id), action)
        case ["calls", control_id, *_]:
            return Target(method, path, query, _checked(control_id))
        case ["calls"] if method == "POST":
            return Target(method, path, query, action="dial")
        case _:
            return Target(method, path, query)


def _segment(raw: bytes) -> str:
    """Decode one segment: no empty or dotted one, and no slash, control or broken character in it."""
    name = unquote_to_bytes(raw)
    try:
        text = name.decode()
    except UnicodeDecodeError:
        text = ""
    if not _SEGMENT.fullmatch(raw) or text in {"", ".", ".."} or not text.isprintable() or "/" in text or "\\" in text:
        raise refused(400, "path_refused", "10015", "The path is not one that the API has; nothing was sent.")
    return text


def _checked(control_id: str) -> str:
    if len(control_id) > ID_CHARACTERS_MAX:
        raise refused(422, "call_control_id_refused", "90015", "The call_control_id provided was not valid.")
    return control_id
