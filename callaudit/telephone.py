"""A line to the gateway, for the command line: commands go out by HTTP, as any program's do."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import httpx
import orjson

from callaudit.settings import Settings, SettingsRefused

SECONDS = 60.0
"""Longer than the gateway itself waits for Telnyx."""


class GatewayUnreachable(ConnectionError):
    """Nobody answers where the gateway should be."""

    reason = "gateway_unreachable"


class GatewayRefused(PermissionError):
    """The gateway does not do it."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a command. ``reason`` is the gateway's own, where it refused or does not know."""

    status: int
    command_id: str | None
    reason: str | None
    body: Any

    @property
    def was_accepted(self) -> bool:
        """Tell whether Telnyx took it."""
        return self.status < 300

    def said(self) -> dict[str, Any]:
        """Give it for programs."""
        return {
            "accepted": self.was_accepted,
            "http_status": self.status,
            "command_id": self.command_id,
            "reason": self.reason,
            "answer": self.body,
        }

    def sentence(self, action: str) -> str:
        """Give it for people."""
        named = f"{action}, on record as {self.command_id or 'nothing'}"
        if self.was_accepted:
            return f"{named}: accepted"
        return f"{named}: {'; '.join(_details(self.body)) or f'HTTP {self.status}'}"


@dataclass(frozen=True, slots=True)
class Line:
    """An open line to the gateway."""

    client: httpx.Client

    def send(
        self, method: str, call_control_id: str, action: str, parameters: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answered:
        """Send a command. Raises GatewayUnreachable."""
        path = f"/v2/calls/{quote(call_control_id, safe=':')}/actions/{action}"
        said = {**headers, "content-type": "application/json"}
        given = [(name.encode(), value.encode()) for name, value in said.items()]  # a purpose is in any language
        answer = self._ask(method, path, headers=given, content=orjson.dumps(parameters))
        shown = answer.headers
        return Answered(
            answer.status_code, shown.get("x-audit-command-id"), shown.get("x-callaudit-reason"), _read(answer.content)
        )

    def waiting(self) -> list[dict[str, Any]]:
        """Give what waits for a second person. Raises GatewayRefused, GatewayUnreachable."""
        return _good(self._ask("GET", "/gateway/approvals"))

    def decide(self, command_id: str, decision: str, reason: str | None) -> dict[str, Any]:
        """Decide what somebody else asked for. Raises GatewayRefused, GatewayUnreachable."""
        said = orjson.dumps({"decision": decision, "reason": reason})
        path = f"/gateway/approvals/{quote(command_id, safe='')}"
        return _good(self._ask("POST", path, headers={"content-type": "application/json"}, content=said))

    def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            return self.client.request(method, path, **given)
        except httpx.TransportError as error:
            raise GatewayUnreachable(
                f"no answer from the gateway at {self.client.base_url} ({type(error).__name__}): is it served, and"
                " CALLAUDIT_GATEWAY_URL right? What was sent is on its record"
            ) from error


@contextmanager
def connected(read: Settings) -> Generator[Line]:
    """Open a line. Raises SettingsRefused without a key."""
    if not read.callaudit_api_key:
        raise SettingsRefused("CALLAUDIT_API_KEY: not set; `callaudit keys create NAME --scope gateway` makes one")
    headers = {"authorization": f"Bearer {read.callaudit_api_key}", "user-agent": "callaudit"}
    with httpx.Client(base_url=read.callaudit_gateway_url, headers=headers, timeout=SECONDS) as client:
        yield Line(client)


def _good(answer: httpx.Response) -> Any:
    body = _read(answer.content)
    if answer.is_success:
        return body
    said = _object(body)
    raise GatewayRefused(str(said.get("reason") or "gateway_refused"), str(said.get("title") or answer.status_code))


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _details(body: Any) -> list[str]:
    errors: Any = _object(body).get("errors")
    found = map(_object, cast("list[Any]", errors) if isinstance(errors, list) else [])
    return [str(each.get("detail") or each.get("title")) for each in found]


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
