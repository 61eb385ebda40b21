"""The catalogue of known webhooks, against the wire facts."""

import re
from pathlib import Path

import pytest

from calls import catalogue

FACTS = Path(__file__).parents[4] / "shared" / "domain" / "telnyx.md"


@pytest.mark.skipif(not FACTS.exists(), reason="telnyx.md of the shared folder is not here")
def test_catalogue_is_that_of_the_wire_facts() -> None:
    """Every webhook of the two catalogue tables is known, and no other."""
    text = FACTS.read_text()
    tables = text[text.index("## 2. ") : text.index("Also seen outside spec")]
    rows = [line.split("|")[1] for line in tables.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == catalogue.KNOWN


@pytest.mark.parametrize(
    ("kind", "about_leg"),
    [
        ("call.hangup", True),
        ("call_initiated", True),
        ("siprec.started", True),
        ("streaming.failed", True),
        ("conference.participant.left", False),
        ("conference.created", False),
        ("message.received", False),
        ("callback", False),
        ("", False),
    ],
)
def test_type_tells_whether_an_event_is_about_a_leg(kind: str, about_leg: bool) -> None:
    """Only what is about one leg is incomplete without it."""
    assert catalogue.about_leg(kind) is about_leg
