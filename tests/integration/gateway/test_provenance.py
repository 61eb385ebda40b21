"""Commands on record verify with the gateway's key, and with no other; nor does that key vouch for a webhook."""

from dataclasses import replace

import pytest

from gateway import parsing
from gateway.record import SENT, Caller, Command, Recorder
from gateway.signing import Signer
from store import verify
from store.entry import Entry
from tests.conftest import Database
from tests.integration.store import sealed

SIGNER, OTHER = Signer(bytes(range(32))), Signer(bytes(32))
NOW = 1_772_366_400_123_456
COMMAND = Command(
    target=parsing.target("POST", b"/v2/calls/v3:abc/actions/send_dtmf", b""),
    caller=Caller(actor="ada", key_id="k1", address="192.0.2.1"),
)
REQUESTED = Recorder(SIGNER).requested(COMMAND, b'{"digits":"1234"}', NOW)
WEBHOOK = sealed.delivery(1)


def verdict(database: Database, *entries: Entry) -> verify.Verdict:
    """Put entries into a log that names the keys of Telnyx and of the gateway, and verify it."""
    sealed.write(database, [sealed.trusted(), SIGNER.trusted_event(NOW), *entries])
    with sealed.connected(database) as connection:
        return verify.verify(connection, sealed.given())


def test_a_command_verifies_with_the_key_that_the_log_names(database: Database) -> None:
    """Beside webhooks, which verify with theirs, also where Telnyx's keys are given from elsewhere."""
    sealed.write(database, [sealed.trusted(), SIGNER.trusted_event(NOW), REQUESTED, WEBHOOK])
    for given in (sealed.given(), sealed.given(telnyx_keys=[sealed.telnyx_key()])):
        with sealed.connected(database) as connection:
            found = verify.verify(connection, given)
        assert (found.wrong, found.webhooks.verified) == ({}, 2)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (replace(REQUESTED, signature=WEBHOOK.signature), "signature_wrong"),
        (replace(REQUESTED, signature=None, masked=True), "signature_missing"),
        (replace(REQUESTED, key_id=WEBHOOK.key_id), "signature_wrong"),
        (replace(REQUESTED, source="webhook"), "signature_wrong"),
        (replace(WEBHOOK, source="gateway"), "signature_wrong"),
        (Recorder(OTHER).entry(SENT, COMMAND, NOW), "key_unknown"),
    ],
)
def test_what_the_gateway_did_not_sign_is_found(database: Database, entry: Entry, reason: str) -> None:
    """Another's signature, none though there is a star in it, Telnyx's key, or one that nobody named."""
    assert verdict(database, entry).wrong == {reason: 1}
