"""More of what passes the gateway: the SDK for Node, what arrives against the OpenAPI, what is left of secrets."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import psycopg
import pytest
import telnyx

from callaudit import postgres
from gateway import parsing
from tests.acceptance import search, upstreams
from tests.acceptance.gates import CALL, COMMANDS, PURPOSE, Gate, opened
from tests.acceptance.upstreams import Received, Upstream
from tests.conftest import Database

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Telnyx's SDK for Node, installed by its lock; skipped where there is no Node, or no registry to fetch it from."""
    if shutil.which("npm") is None:
        pytest.skip("no Node here")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", ".npmrc", "commands.mjs"):
        shutil.copy(NODE / name, folder / name)
    installed = subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=False, capture_output=True, timeout=120)
    if installed.returncode:
        pytest.skip("the package registry cannot be reached")
    return folder


def by_node(folder: Path, base_url: str, key: str, **more: str) -> list[dict[str, Any]]:
    """Run all commands with the SDK for Node, told where to by its environment alone."""
    environment = {"PATH": os.environ["PATH"], "TELNYX_BASE_URL": base_url, "TELNYX_API_KEY": key, **more}
    ran = subprocess.run(
        ["node", "commands.mjs"], cwd=folder, env=environment, check=True, capture_output=True, text=True, timeout=60
    )
    return [orjson.loads(line) for line in ran.stdout.splitlines()]


def test_the_sdk_for_node_works_with_another_base_url_and_key(gate: Gate, node: Path) -> None:
    """Byte for byte what it would have sent to Telnyx; purpose and ticket come by its custom headers."""
    with upstreams.upstream() as direct:
        sent = by_node(node, direct.url, "KEY-of-telnyx")
        assert [each["result"] for each in sent] == ["ok"] * len(sent)
        said = "\n".join(f"{name}: {value}" for name, value in PURPOSE.items())
        key = gate.key("node", "--scope", "gateway")
        got = by_node(node, f"{gate.site.url}/v2", key, TELNYX_CUSTOM_HEADERS=said)
        assert got[:-1] == sent[:-1]
        assert got[-1] == {"name": "wrong_digits", "thrown": "UnprocessableEntityError", "status": 422}
        plain = [(each.method, each.path, each.body) for each in direct.received[:-1]]
        assert [(each.method, each.path, each.body) for each in gate.upstream.received] == plain
        assert plain[-1][2] == b""
    purposes = {said["purpose"] for state, said in gate.recorded() if state == "requested"}
    assert purposes == {PURPOSE["X-Audit-Purpose"]}


def test_what_arrives_is_as_the_openapi_says(gate: Gate, shared: Path) -> None:
    """Path, method and body of each command, checked by somebody else's validator against Telnyx's own description."""
    key = gate.key("ada", "--scope", "gateway")
    for command in COMMANDS.values():
        command(gate.sdk(key).calls.actions)
    excerpt = orjson.loads((shared / "data" / "telnyx-openapi-excerpt.json").read_bytes())
    for received in gate.upstream.received:
        _validate(received, excerpt)


def _validate(received: Received, excerpt: dict[str, Any]) -> None:
    action = received.path.rpartition("/")[2]
    assert received.path == f"/v2/calls/{CALL}/actions/{action}"
    operation = excerpt["paths"][f"/calls/{{call_control_id}}/actions/{action}"][received.method.lower()]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": excerpt["components"]}
    jsonschema.validate(orjson.loads(received.body), whole, cls=jsonschema.Draft202012Validator)


def test_passwords_and_digits_are_nowhere(
    database: Database, cluster: postgres.Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Accepted, refused, repeated or in doubt: not in a table, the database's files, the home, or what was said."""
    digits, password, home = "8462957301", "hunter2-correct-horse", tmp_path / "home"
    with psycopg.connect(database.url) as connection:
        (first_wal,) = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone() or ("",)
    with upstreams.upstream() as behind, opened(database, home, behind) as gate:
        key = gate.key("ada", "--scope", "gateway")
        _send_secrets(gate, behind, key, digits, password)
        said = "\n".join(gate.site.said)
    assert len(behind.received) > 0
    places = {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    places |= search.contents_of(cluster, database, first_wal)
    for secret in (digits, password):
        assert search.columns_with(database, secret) == []
        assert [name for name, content in places.items() if secret.encode() in content] == []
        assert secret not in said
    assert caplog.records == []


def _send_secrets(gate: Gate, behind: Upstream, key: str, digits: str, password: str) -> None:
    refer = {"sip_address": "sip:a@b", "sip_auth_username": "u", "sip_auth_password": password}
    echo = orjson.dumps({"errors": [{"code": "90014", "title": "no", "detail": f"{digits} {password}"}]})
    for plan in (None, upstreams.Planned(422, echo), upstreams.Planned(500, echo), upstreams.Planned(None)):
        for action, body in (("send_dtmf", {"digits": digits}), ("refer", refer)):
            if plan is not None:
                behind.plans.append(plan)
            for _ in range(2):
                gate.post(key, action, body, idempotency_key=f"{action} {plan}")
    gate.post(key, "send_dtmf", {"digits": f"{digits}x"})
    gate.post(key, "gather_using_speak", {"payload": "x", "digits": digits})
    with pytest.raises(telnyx.UnprocessableEntityError):
        gate.sdk(key).calls.actions.refer(CALL, sip_address=5, sip_auth_password=password)  # pyright: ignore[reportArgumentType]


def test_the_eight_are_all_there() -> None:
    """What is run here is every command of the seed."""
    assert set(COMMANDS) == set(parsing.EIGHT)
