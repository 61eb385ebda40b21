"""What a key may send: nothing that its scopes and limits do not name."""

import pytest

from access import keys
from access.errors import KeyNotMade
from gateway import parsing
from gateway.errors import Refused
from gateway.permits import APPROVE, SCOPE, Permit


def permit(*scopes: str, actions: list[str] | None = None, connections: list[str] | None = None) -> Permit:
    """Make the permit of a key."""
    return Permit(key_id="k", name="ada", scopes=scopes, actions=actions, connections=connections)


def allowed(given: Permit, method: str, path: str) -> bool:
    """Say whether a key may send a request."""
    try:
        given.check(parsing.target(method, path.encode(), b""))
    except Refused as refusal:
        return (refusal.status, refusal.faults[0].code) != (403, "10010")
    return True


def test_the_scope_gateway_is_for_calls_and_looking_at_their_events() -> None:
    """Everything below calls, reading call events, and nothing else of the account."""
    ada = permit(SCOPE)
    assert allowed(ada, "POST", "/v2/calls/x/actions/refer")
    assert allowed(ada, "POST", "/v2/calls")
    assert allowed(ada, "GET", "/v2/call_events")
    assert not allowed(ada, "POST", "/v2/call_events")
    assert not allowed(ada, "GET", "/v2/phone_numbers")
    assert not allowed(ada, "POST", "/v2/callsigns")


def test_a_wider_scope_names_method_and_path() -> None:
    """One path, or all below it, for one method or any."""
    exact, below = permit("gateway:GET:/v2/siprec_connectors"), permit("gateway:*:/v2/siprec_connectors/**")
    assert allowed(exact, "GET", "/v2/siprec_connectors")
    assert not allowed(exact, "GET", "/v2/siprec_connectors/x")
    assert not allowed(exact, "POST", "/v2/siprec_connectors")
    assert allowed(below, "DELETE", "/v2/siprec_connectors/x")
    assert not allowed(below, "DELETE", "/v2/siprec_connectors_of_others")
    assert not allowed(exact, "POST", "/v2/calls/x/actions/refer")


@pytest.mark.parametrize("scopes", [(), ("metrics",), (APPROVE,), ("log:read",)])
def test_a_key_for_something_else_sends_nothing(scopes: tuple[str, ...]) -> None:
    """Who may approve may not send, and no other scope opens the gateway."""
    assert not allowed(permit(*scopes), "GET", "/v2/calls/x")
    assert permit(*scopes).may_approve() == (APPROVE in scopes)


def test_a_key_for_some_actions_sends_no_other() -> None:
    """Not the other commands, no new call, no change elsewhere; it may look."""
    bound = permit("gateway:*:/v2/**", actions=["refer"])
    assert allowed(bound, "POST", "/v2/calls/x/actions/refer")
    assert allowed(bound, "GET", "/v2/calls/x")
    assert not allowed(bound, "POST", "/v2/calls/x/actions/hangup")
    assert not allowed(bound, "POST", "/v2/calls")
    assert not allowed(bound, "DELETE", "/v2/siprec_connectors/x")


@pytest.mark.parametrize(("connection", "reason"), [(None, "connection_unknown"), ("2", "connection_refused")])
def test_a_key_for_some_connections_needs_to_know_the_call(connection: str | None, reason: str) -> None:
    """A call of another connection, or of one that is not known, is refused; its own passes."""
    bound = permit(SCOPE, connections=["1"])
    bound.check_connection("1")
    permit(SCOPE).check_connection(connection)
    with pytest.raises(Refused) as refused:
        bound.check_connection(connection)
    assert refused.value.reason == reason


@pytest.mark.parametrize("scope", ["gateway:GET:/v2/calls/**", "gateway:*:/v2/**", "gateway", "gateway:approve"])
def test_a_scope_that_a_key_can_be_made_with_opens_something(scope: str) -> None:
    """What `keys create` takes and what the gateway reads are the same."""
    made = permit(*keys.make("ada", [scope]).scopes)
    assert allowed(made, "GET", "/v2/calls/x") or made.may_approve()


@pytest.mark.parametrize(
    "scope", ["gateway:", "gateway:get:/v2/x", "gateway:GET:/api/x", "gateway:GET", "gateway:GET:/v2/../x y"]
)
def test_a_scope_that_says_nothing_is_not_made(scope: str) -> None:
    """A key with a mistake in its scope would only fail later."""
    with pytest.raises(KeyNotMade):
        keys.make("ada", [scope])
