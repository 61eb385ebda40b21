"""What each event counts as in the log's figures (domain 8b, "Log counts")."""

import pytest

from projections import log_counts


@pytest.mark.parametrize(
    ("event_type", "quarantined", "kinds"),
    [
        ("call.answered", False, {"stored"}),
        ("call.answered", True, {"stored", "quarantined"}),
        ("call.siprec.started", False, {"stored", "aliased_type"}),
        ("call_siprec_stopped", True, {"stored", "aliased_type", "quarantined"}),
        ("call.parked", False, {"stored", "unknown_type"}),
        ("conference.created", False, {"stored", "unattributed"}),
        ("fax.queued", False, {"stored", "unknown_type", "unattributed"}),
        (None, True, {"stored", "quarantined"}),
    ],
)
def test_event_counts_as(event_type: str | None, *, quarantined: bool, kinds: set[str]) -> None:
    """By its type and by what was found missing; an event may count as several things, but never twice as one."""
    counted = log_counts._kinds(event_type, quarantined=quarantined)
    assert set(counted) == kinds
    assert len(counted) == len(kinds)
