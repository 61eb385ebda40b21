"""What Telnyx itself has of a leg's commands: ``GET /v2/call_events``, by which one in doubt may be settled.

That Telnyx lists a command proves that it came there, no more: it then stands as accepted, and its webhooks are still
waited for. That it is not listed proves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from calls import instants, pairing
from calls.instants import SECOND, Instant

ANSWER_SECONDS = 10.0
PAGE_SIZE = 250
PAGES_MAX = 4
SKEW_US = 2 * SECOND
WINDOW_US = 30 * SECOND
"""A command is listed within this of being sent: the gateway waits no longer for Telnyx."""


class NotListed(Exception):
    """Telnyx did not say what it has; ``reason`` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Listed:
    """One command that Telnyx lists."""

    name: str
    at: Instant


def fetch(client: httpx.Client, base_url: str, call_leg_id: str) -> list[Listed]:
    """Ask for all commands of a leg. Raises NotListed."""
    found: list[Listed] = []
    for number in range(1, PAGES_MAX + 1):
        query = {"filter[leg_id]": call_leg_id, "filter[type]": "command", "page[size]": PAGE_SIZE}
        try:
            answer = client.get(f"{base_url.rstrip('/')}/call_events", params={**query, "page[number]": number})
            answer.raise_for_status()
            read = answer.json()
        except httpx.HTTPStatusError as error:
            raise NotListed(f"http_{error.response.status_code}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise NotListed("no_answer") from error
        found += _read(read)
        if number >= _pages(read):
            break
    return found


def found(sent: Sequence[Instant], action: str, listed: Sequence[Listed]) -> dict[int, Listed]:
    """Pair commands of one kind on one leg, in order of when they were sent, with those of them that are listed.

    Gives index of the command -> what is listed. They are paired in order, as nothing but time tells them apart.
    """
    ours = sorted((each for each in listed if _is(each.name, action)), key=lambda each: each.at)
    near = [each for each in ours if any(_is_near(at, each.at) for at in sent)]
    pairs = pairing.nearest(sent, [each.at for each in near], SKEW_US)
    return {start: near[end] for end, start in pairs.items() if _is_near(sent[start], near[end].at)}


def _is_near(sent_at: Instant, listed_at: Instant) -> bool:
    return sent_at - SKEW_US <= listed_at <= sent_at + WINDOW_US


def _is(name: str, action: str) -> bool:
    """Tell whether Telnyx's name of a command is an action's; what stands before it is published nowhere."""
    return name.replace(".", "_").endswith(action)


def _read(answer: Any) -> list[Listed]:
    try:
        rows = [_listed(row) for row in answer["data"]]
    except (LookupError, TypeError, AttributeError) as error:
        raise NotListed("answer_unreadable") from error
    return [each for each in rows if each is not None]


def _listed(row: dict[str, Any]) -> Listed | None:
    name, at = row.get("name"), instants.parse(row.get("event_timestamp"))
    return Listed(name, at) if row.get("type") == "command" and isinstance(name, str) and at is not None else None


def _pages(answer: dict[str, Any]) -> int:
    try:
        return int(answer["meta"]["total_pages"])
    except (LookupError, TypeError, ValueError):
        return 1
