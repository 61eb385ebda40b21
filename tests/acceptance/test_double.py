"""The gateway before the simulator's double: what it did is what the log says, whatever goes wrong between them."""

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
import telnyx
from jsonschema import Draft202012Validator
from psycopg.rows import dict_row

import simulator
from callaudit import worker
from simulator.upstream import Double, Fault, Faults, Serving, running
from tests.acceptance import home as homes
from tests.acceptance import server
from tests.acceptance.gates import COMMANDS, PURPOSE, Gate, opened
from tests.acceptance.upstreams import Upstream
from tests.conftest import Database

COUNT = 120
SHARES = {fault: 0.08 for fault in Fault if fault is not Fault.NONE}


class Stage:
    """A gateway with a double behind it, which posts to the gateway's own webhook endpoint."""

    def __init__(self, gate: Gate, serving: Serving) -> None:
        self.gate = gate
        self.serving = serving
        self.double = serving.double

    def commands(self) -> list[dict[str, Any]]:
        """Give the rows of all commands."""
        with psycopg.connect(self.gate.database.url) as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute("SELECT * FROM calls.commands ORDER BY requested_at, command_id").fetchall()


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Generator[Stage]:
    """Set it up: the double learns where webhooks go once the gateway listens."""
    key = simulator.key_from_seed(1)
    double = Double(worker.now, faults=Faults(delay_seconds=0.2))
    with running(double, "http://127.0.0.1:9/", key) as serving:
        behind = Upstream(int(serving.url.split(":")[2].split("/")[0]))
        given = {"TELNYX_API_KEY": double.api_key, "TELNYX_PUBLIC_KEY": f"simulator={key.public}"}
        with opened(database, tmp_path / "home", behind, **given) as gate:
            serving.webhooks_url = f"{gate.site.url}/webhooks/telnyx"
            yield Stage(gate, serving)


def until_recorded(stage: Stage, count: int) -> list[dict[str, Any]]:
    """Wait until so many commands came to an end, or are in doubt, and the record says so."""

    def ended() -> bool:
        rows = stage.commands()
        return len(rows) == count and all(row["recorded_state"] == row["state"] != "sent" for row in rows)

    homes.until(ended)
    return stage.commands()


def test_all_eight_commands_are_done_and_confirmed(stage: Stage) -> None:
    """By the SDK, through the gateway, to the double and back as webhooks; each answer is one that Telnyx publishes."""
    client = stage.gate.sdk(stage.gate.key("ada", "--scope", "gateway"))
    line = stage.double.begin()
    with server.working(stage.gate.database, stage.gate.home):
        for action in [*(name for name in COMMANDS if name != "refer"), "refer"]:
            answer = COMMANDS[action](_on(client, line.call_control_id))
            assert answer.data.result == "ok"
            stage.serving.settle()
        rows = until_recorded(stage, len(COMMANDS))
    states = {row["action"]: (row["state"], row["outcome"]) for row in rows}
    assert states["siprec_start"] == ("confirmed", "started")
    assert states["siprec_stop"] == ("confirmed", "stopped")
    assert states["refer"] == ("confirmed", "completed")
    assert states["client_state_update"] == ("confirmed", "echoed")
    assert {state for state, _ in states.values()} == {"accepted", "confirmed"}
    assert all(each.done and each.status == 200 for each in stage.double.commands)


def _on(client: telnyx.Telnyx, control_id: str) -> Any:
    """Give the SDK's actions on another call than the tests' usual one."""

    class _Actions:
        def __getattr__(self, name: str) -> Any:
            return lambda _, **given: getattr(client.calls.actions, name)(control_id, **given)

    return _Actions()


@pytest.mark.parametrize(
    ("fault", "raised", "code"),
    [
        (Fault.REFUSED, telnyx.UnprocessableEntityError, "90018"),
        (Fault.RATE_LIMITED, telnyx.RateLimitError, "10011"),
        (Fault.ERROR_BEFORE, telnyx.InternalServerError, "10007"),
        (Fault.ERROR_AFTER, telnyx.InternalServerError, "10007"),
        (Fault.LOST, telnyx.InternalServerError, "10007"),
    ],
)
def test_each_error_is_the_sdks_own(stage: Stage, fault: Fault, raised: type[telnyx.APIStatusError], code: str) -> None:
    """With Telnyx's code; one that repeats by itself repeats only what certainly did nothing."""
    client = stage.gate.sdk(stage.gate.key("ada", "--scope", "gateway"), max_retries=2)
    line = stage.double.begin()
    stage.double.faults.planned.extend([fault] * 3)
    with pytest.raises(raised) as refused:
        client.calls.actions.start_siprec(line.call_control_id)
    assert orjson.loads(refused.value.response.content)["errors"][0]["code"] == code
    assert len(stage.double.commands) == (3 if fault is Fault.RATE_LIMITED else 1)


def test_what_the_double_did_is_what_the_log_says(stage: Stage, shared: Path) -> None:
    """Under every fault: none done twice or unrecorded, each in a named state, all answers as published."""
    key = stage.gate.key("ada", "--scope", "gateway")
    lines = [stage.double.begin() for _ in range(3)]
    stage.double.faults.shares = SHARES
    actions = ("siprec_start", "send_dtmf", "siprec_stop", "switch_supervisor_role")
    bodies = {"send_dtmf": {"digits": "47114711"}, "switch_supervisor_role": {"role": "barge"}}
    with server.working(stage.gate.database, stage.gate.home):
        named: list[str] = []
        for number in range(COUNT):
            action, line = actions[number % len(actions)], lines[number % len(lines)]
            answer = stage.gate.site.client.post(
                f"/v2/calls/{line.call_control_id}/actions/{action}",
                json=bodies.get(action, {}),
                headers={"authorization": f"Bearer {key}", **PURPOSE},
            )
            check_published(shared, answer.status_code, answer.content)
            named.append(answer.headers["x-audit-command-id"])
        stage.serving.settle()
        rows = until_recorded(stage, COUNT)
    assert sorted(row["command_id"] for row in rows) == sorted(named)
    assert {row["state"] for row in rows} <= {"accepted", "confirmed", "refused", "in_doubt"}
    assert len(stage.double.commands) == COUNT
    by_id = {row["command_id"]: row for row in rows}
    for command_id, did in zip(named, stage.double.commands, strict=True):
        row = by_id[command_id]
        assert (row["call_control_id"], row["action"]) == (did.call_control_id, did.action)
        assert row["http_status"] == did.status
        assert (row["state"] == "refused") == (did.status in {422, 429})
        assert not did.done or row["state"] in {"accepted", "confirmed", "in_doubt"}
    told = Counter(row["state"] for row in rows)
    assert told["in_doubt"] + told["confirmed"] > 0


def check_published(shared: Path, status: int, body: bytes) -> None:
    """See that an answer has the form that Telnyx publishes for its status."""
    read = orjson.loads(body)
    if status == 200:
        assert read == {"data": {"result": "ok"}}
        return
    document = orjson.loads((shared / "data" / "telnyx-openapi-excerpt.json").read_bytes())
    schema = {"$ref": "#/components/schemas/call-control_Errors", "components": document["components"]}
    Draft202012Validator(schema).validate(read)
