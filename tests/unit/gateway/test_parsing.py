"""What a request is about: one reading of each path, the same for permission, record and Telnyx."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import parsing
from gateway.errors import Refused

SEGMENTS = st.text(string.ascii_letters + string.digits + ":-_.~@!$&'()*+,;= é", min_size=1, max_size=20).filter(
    lambda text: text not in {".", ".."}
)


def target(method: str, path: str, query: bytes = b"") -> parsing.Target:
    """Read a request's line."""
    return parsing.target(method, path.encode(), query)


@pytest.mark.parametrize("action", parsing.EIGHT)
def test_each_of_the_eight_is_understood_with_its_own_method_alone(action: str) -> None:
    """``client_state_update`` is put, the others are posted; another method is no such command."""
    path = f"/v2/calls/v3:abc_-/actions/{action}"
    method = parsing.METHOD_OF[action]
    read = target(method, path)
    assert (read.action, read.call_control_id, read.is_understood, read.is_recorded) == (action, "v3:abc_-", True, True)
    assert not target("PUT" if method == "POST" else "POST", path).is_understood


def test_a_colon_may_be_escaped_and_goes_out_bare() -> None:
    """Both ways of writing an id are one call, and one path."""
    assert target("POST", "/v2/calls/v3%3Aabc/actions/refer") == target("POST", "/v2/calls/v3:abc/actions/refer")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
def test_a_method_that_the_api_has_not_is_refused(method: str) -> None:
    """A TRACE would give Telnyx's key back to whoever asks."""
    with pytest.raises(Refused) as refusal:
        target(method, "/v2/calls/x")
    assert (refusal.value.status, refusal.value.reason) == (405, "method_refused")


def test_a_command_has_its_parameters_in_its_body_alone() -> None:
    """What stands in a query would be neither checked nor recorded; where there is no command it passes."""
    with pytest.raises(Refused) as refusal:
        target("POST", "/v2/calls/x/actions/send_dtmf", b"digits=4711")
    assert refusal.value.reason == "query_refused"
    assert target("GET", "/v2/call_events", b"filter[leg_id]=a").query == b"filter[leg_id]=a"


def test_other_commands_are_told_apart_from_what_only_reads() -> None:
    """A new call, an unknown action and a change elsewhere are recorded; a look is not."""
    assert target("POST", "/v2/calls").action == "dial"
    assert target("POST", "/v2/calls/x/actions/speak").action == "speak"
    assert target("DELETE", "/v2/siprec_connectors/x").is_recorded
    assert not target("GET", "/v2/calls/x").is_recorded
    assert target("GET", "/v2/calls").action is None


@pytest.mark.parametrize(
    "path",
    [
        "/v2/calls/../siprec_connectors",
        "/v2/calls/%2e%2e/siprec_connectors",
        "/v2/calls//actions/refer",
        "/v2/calls/a%2Fb/actions/refer",
        "/v2/calls/a%5Cb/actions/refer",
        "/v2/calls/a%00/actions/refer",
        "/v2/calls/a%0A/actions/refer",
        "/v2/calls/%FF/actions/refer",
        "/v2/calls/%zz/actions/refer",
        "/v2/calls/a/actions/refer/",
        "/v2/calls/a b/actions/refer",
    ],
)
def test_a_path_of_two_readings_is_refused(path: str) -> None:
    """Nothing that somebody further on might read as another path is passed on."""
    with pytest.raises(Refused) as refused:
        target("POST", path)
    assert (refused.value.status, refused.value.reason) == (400, "path_refused")


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v1/calls", "/v20/calls", "//v2/calls"])
def test_what_is_not_below_the_api_is_not_found(path: str) -> None:
    """Only what Telnyx has below ``/v2`` is looked at."""
    with pytest.raises(Refused) as refused:
        target("GET", path)
    assert refused.value.status in {400, 404}


@given(st.lists(SEGMENTS, min_size=1, max_size=6))
@example(["calls", "v3:é", "actions", "refer"])
def test_a_rebuilt_path_reads_as_itself(names: list[str]) -> None:
    """What goes out is read by us as what came in, so that permission and record are of what is sent."""
    from urllib.parse import quote

    read = target("POST", "/v2/" + "/".join(quote(name, safe="") for name in names))
    assert parsing.target("POST", read.path.encode(), b"") == read


def test_an_id_of_kilobytes_is_no_id() -> None:
    """It would not fit into the log's column, and Telnyx has none so long."""
    with pytest.raises(Refused) as refused:
        target("POST", f"/v2/calls/{'x' * 256}/actions/refer")
    assert refused.value.faults[0].code == "90015"
