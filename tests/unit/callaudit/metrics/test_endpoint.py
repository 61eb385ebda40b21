"""Who is taken for a program on this machine that asks for itself."""

import fastapi
import pytest

from callaudit.metrics import endpoint


def asking(address: str | None, **headers: str) -> fastapi.Request:
    """Give a request from an address."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    client = None if address is None else (address, 40_000)
    return fastapi.Request({"type": "http", "headers": pairs, "client": client})


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_asks_for_itself(address: str) -> None:
    """Any loopback address, and no header of a proxy."""
    assert endpoint._is_from_here(asking(address, host="callaudit.example", user_agent="Prometheus"))


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "192.0.2.7", "::2", "2001:db8::1", "unknown", "", "127.0.0.1.evil", None]
)
def test_other_machines_do_not(address: str | None) -> None:
    """Whatever they call themselves."""
    assert not endpoint._is_from_here(asking(address))


@pytest.mark.parametrize(
    "header", ["x_forwarded_for", "x_forwarded_host", "x_forwarded_proto", "forwarded", "via", "x_real_ip"]
)
def test_proxy_on_this_machine_asks_for_others(header: str) -> None:
    """Even where its header says that they are here: anybody can write that."""
    assert not endpoint._is_from_here(asking("127.0.0.1", **{header: "127.0.0.1"}))


@pytest.mark.parametrize(
    ("given", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
        ("Bearer", ""),
    ],
)
def test_token_is_read_from_the_header(given: str, token: str | None) -> None:
    """The scheme in any case, as HTTP has it."""
    assert endpoint._bearer(asking("192.0.2.7", authorization=given)) == token
