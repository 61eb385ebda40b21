"""What Telnyx itself lists of a leg's commands, and which of ours that is."""

from typing import Any

import httpx
import orjson
import pytest

from calls.instants import SECOND
from gateway import call_events
from gateway.call_events import Listed, NotListed
from tests.acceptance.upstreams import Planned, upstream

ROW = {
    "record_type": "call_event",
    "call_leg_id": "leg-1",
    "call_session_id": "ses-1",
    "event_timestamp": "1970-01-01T00:00:02.500000Z",
    "metadata": {},
    "name": "siprec_start",
    "type": "command",
}


def listed(name: str, *seconds: float) -> list[Listed]:
    """Give commands of one name at these times."""
    return [Listed(name, round(each * SECOND)) for each in seconds]


@pytest.mark.parametrize(
    "name", ["siprec_start", "call.siprec_start", "call.siprec.start", "calls.actions.siprec_start"]
)
def test_a_command_is_known_by_its_name_and_time(name: str) -> None:
    """Whatever stands before the name."""
    assert call_events.found([2 * SECOND], "siprec_start", listed(name, 2.5)) == {0: Listed(name, 2_500_000)}


@pytest.mark.parametrize(
    ("sent", "there", "found"),
    [
        ([2], [], {}),
        ([2], [40], {}),  # too late to be this one
        ([40], [2], {}),  # too early
        ([2], [1], {0: 1}),  # clocks differ
        ([2, 3], [2.5, 3.5], {0: 2.5, 1: 3.5}),
        ([2, 100], [100.5], {1: 100.5}),
        ([2, 10], [2.5], {0: 2.5}),  # the one that is not listed may still be done
    ],
)
def test_equal_commands_are_paired_in_order(sent: list[float], there: list[float], found: dict[int, float]) -> None:
    """Nothing but time tells them apart; one that is not listed is not found."""
    pairs = call_events.found(
        [round(at * SECOND) for at in sent], "siprec_start", [*listed("siprec_start", *there), *listed("refer", 2.2)]
    )
    assert {index: each.at / SECOND for index, each in pairs.items()} == found


def fetched(*pages: Any, status: int = 200) -> tuple[list[Listed], list[str]]:
    """Ask an upstream that answers with these pages; gives what is listed, and the paths asked for."""
    with upstream() as telnyx, httpx.Client(trust_env=False) as client:
        bodies = [page if isinstance(page, bytes) else orjson.dumps(page) for page in pages]
        telnyx.plans.extend(Planned(status=status, body=body) for body in bodies)
        read = call_events.fetch(client, telnyx.url, "leg-1")
        return read, [each.path for each in telnyx.received]


def test_all_pages_are_read() -> None:
    """What is no command, or has no time, is left out."""
    meta = {"total_pages": 2, "page_number": 1}
    first = {"data": [ROW, {**ROW, "type": "webhook"}, {**ROW, "event_timestamp": "soon"}], "meta": meta}
    read, paths = fetched(first, {"data": [{**ROW, "name": "refer"}], "meta": meta})
    assert read == [Listed("siprec_start", 2_500_000), Listed("refer", 2_500_000)]
    asked = "/v2/call_events?filter%5Bleg_id%5D=leg-1&filter%5Btype%5D=command&page%5Bsize%5D=250&page%5Bnumber%5D="
    assert paths == [f"{asked}1", f"{asked}2"]


@pytest.mark.parametrize(
    ("page", "status", "reason"),
    [
        ({"errors": []}, 403, "http_403"),
        (b"<html>", 200, "no_answer"),
        ({"data": None}, 200, "answer_unreadable"),
        ([1], 200, "answer_unreadable"),
        ({"data": ["x"]}, 200, "answer_unreadable"),
    ],
)
def test_an_answer_that_says_nothing_is_none(page: Any, status: int, reason: str) -> None:
    """It has a reason, and is not taken for an empty list."""
    with pytest.raises(NotListed) as refused:
        fetched(page, status=status)
    assert refused.value.reason == reason
