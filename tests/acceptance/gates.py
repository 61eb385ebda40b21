"""A gateway at work, the commands that are sent through it, and what is on record of them."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg
import telnyx

from tests.acceptance import server
from tests.acceptance.upstreams import Upstream
from tests.conftest import Database

CALL = "v3:abc_-"
STATE = base64.b64encode(b"have a nice day =]").decode()
PURPOSE = {"X-Audit-Purpose": "training", "X-Audit-Ticket": "T-1"}

COMMANDS: dict[str, Callable[[Any], Any]] = {
    "client_state_update": lambda of: of.update_client_state(CALL, client_state=STATE),
    "refer": lambda of: of.refer(
        CALL,
        sip_address="sip:username@sip.non-telnyx-address.com",
        client_state=STATE,
        command_id="891510ac-f3e4-11e8-af5b-de00688a4901",
        custom_headers=[{"name": "head_1", "value": "val_1"}],
        sip_auth_username="user",
        sip_auth_password="pass word é",
        sip_headers=[{"name": "User-to-User", "value": "value"}],
    ),
    "send_dtmf": lambda of: of.send_dtmf(
        CALL, digits="1www2WABCDw9", client_state=STATE, command_id="c-2", duration_millis=500
    ),
    "siprec_start": lambda of: of.start_siprec(
        CALL,
        client_state=STATE,
        connector_name="my-siprec-connector",
        include_metadata_custom_headers=True,
        secure=True,
        session_timeout_secs=900,
        sip_transport="tcp",
        siprec_track="outbound_track",
    ),
    "siprec_stop": lambda of: of.stop_siprec(CALL, client_state=STATE, command_id="c-4"),
    "suppression_start": lambda of: of.start_noise_suppression(
        CALL,
        client_state=STATE,
        command_id="c-5",
        direction="both",
        noise_suppression_engine="DeepFilterNet",
        noise_suppression_engine_config={"attenuation_limit": 80, "mode": "advanced"},
    ),
    "suppression_stop": lambda of: of.stop_noise_suppression(CALL, client_state=STATE, command_id="c-6"),
    "switch_supervisor_role": lambda of: of.switch_supervisor_role(CALL, role="barge"),
}


@dataclass(frozen=True, slots=True)
class Gate:
    """A gateway at work."""

    database: Database
    home: Path
    site: server.Site
    upstream: Upstream
    clients: list[telnyx.Telnyx] = field(default_factory=list[telnyx.Telnyx])

    def key(self, name: str, *options: str) -> str:
        """Make an API key."""
        given = server.environment(self.database, self.home)
        ran = server.run(["keys", "create", name, *options], given, self.home)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def sdk(self, key: str, **options: Any) -> telnyx.Telnyx:
        """Give Telnyx's own client, pointed here."""
        given = {"max_retries": 0, "default_headers": PURPOSE, **options}
        client = telnyx.Telnyx(api_key=key, base_url=f"{self.site.url}/v2", **given)
        self.clients.append(client)
        return client

    def post(self, key: str, action: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a command without an SDK."""
        named = {"authorization": f"Bearer {key}", **PURPOSE}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.site.client.post(f"/v2/calls/{CALL}/actions/{action}", json=body or {}, headers=named)

    def recorded(self) -> list[tuple[str, dict[str, Any]]]:
        """Give what is on record of commands, in the order of the log."""
        with psycopg.connect(self.database.url) as connection:
            rows = connection.execute(
                "SELECT body FROM log.events WHERE source = 'gateway' ORDER BY position"
            ).fetchall()
        said = [orjson.loads(body)["data"] for (body,) in rows]
        return [(each["event_type"].removeprefix("command."), each["payload"]) for each in said]

    def states(self) -> list[str]:
        """Give the states on record, in order."""
        return [state for state, _ in self.recorded()]


class opened:  # noqa: N801  used as a function
    """Open a gateway before an upstream."""

    def __init__(
        self, database: Database, home: Path, behind: Upstream, arguments: Sequence[str] = (), **settings: str
    ) -> None:
        given = {"TELNYX_API_KEY": "KEY-of-telnyx", "TELNYX_BASE_URL": behind.url, **settings}
        self._serving = server.serving(database, home, arguments, **given)
        self._of = database, home, behind

    def __enter__(self) -> Gate:
        database, home, behind = self._of
        self._gate = Gate(database, home, self._serving.__enter__(), behind)
        return self._gate

    def __exit__(self, *how: object) -> None:
        for client in self._gate.clients:
            client.close()
        self._serving.__exit__(*how)
