"""Where a request came from, behind proxies or not, whatever its headers say."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import addresses

TRUSTED = addresses.proxies("10.0.0.0/8, 192.0.2.1, fd00::/8")
NOBODY = addresses.proxies("")

PROXIES = st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fd00::/8")
OTHERS = st.ip_addresses(network="198.51.100.0/24") | st.ip_addresses(network="2001:db8::/32")
ANYTHING = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"10.0.0.1", b"198.51.100.7", b"fd00::1", b"", b"unknown", b"[fd00::2]:443", b"10.0.0.2:80"])
).map(b", ".join)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", [b"203.0.113.9"], "198.51.100.7"),
        ("10.0.0.1", [b"203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [b"1.1.1.1, 203.0.113.9,10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", [b"1.1.1.1", b"203.0.113.9", b"10.0.0.2,\t192.0.2.1"], "203.0.113.9"),
        ("10.0.0.1", [b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [b"203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", [b'"[2001:db8::9]:4711"'], "2001:db8::9"),
        ("10.0.0.1", [b"2001:db8::9"], "2001:db8::9"),
        ("10.0.0.1", [b"203.0.113.9,, ,"], "203.0.113.9"),
        ("::ffff:10.0.0.1", [b"::ffff:203.0.113.9"], "203.0.113.9"),
        ("fd00::1", [b"fe80::1%4929"], "fe80::1"),
        ("192.0.2.2", [b"203.0.113.9"], "192.0.2.2"),
        ("", [b"203.0.113.9"], "unknown"),
        ("unknown", [b"203.0.113.9"], "unknown"),
    ],
)
def test_remote_is_the_first_from_the_right_that_is_not_trusted(
    peer: str, forwarded: list[bytes], expected: str
) -> None:
    """Each trusted proxy is believed about whom it was called by, and nobody else about anything."""
    assert addresses.remote(peer, forwarded, TRUSTED) == expected


@given(OTHERS.map(str), st.lists(ANYTHING, max_size=4))
def test_stranger_is_known_by_its_own_address_whatever_it_sends(peer: str, forwarded: list[bytes]) -> None:
    """No header moves the blame elsewhere."""
    assert addresses.remote(peer, forwarded, TRUSTED) == peer


@given(ANYTHING, OTHERS.map(str), st.lists(PROXIES.map(str), min_size=1, max_size=6), st.booleans())
def test_whom_the_outermost_proxy_names_is_found_whatever_that_one_wrote(
    written: bytes, sender: str, through: list[str], joined: bool
) -> None:
    """Behind any chain of trusted proxies the sender is found, and what it put into the header itself is ignored."""
    *inner, peer = through
    hops = [sender.encode(), *(each.encode() for each in inner)]
    forwarded = [b",".join([written, *hops])] if joined else [written, *hops]
    assert addresses.remote(peer, forwarded, TRUSTED) == sender


@given(st.text(max_size=60) | PROXIES.map(str), st.lists(ANYTHING | st.binary(max_size=60), max_size=5))
def test_remote_is_an_address_whatever_the_headers(peer: str, forwarded: list[bytes]) -> None:
    """Total, and no stranger's text comes out: an address, or that it is not known."""
    found = addresses.remote(peer, forwarded, TRUSTED)
    assert found == addresses.UNKNOWN or str(ipaddress.ip_address(found)) == found
    network = addresses.network_of(found)
    assert network == addresses.UNKNOWN or ipaddress.ip_address(found) in ipaddress.ip_network(network)


def test_header_of_many_hops_is_looked_at_only_so_far() -> None:
    """A header made to be walked costs a bounded walk, and ends at the last proxy that was believed."""
    hops = b",".join(b"10.%d.%d.1" % (n // 256 % 256, n % 256) for n in range(3_000))
    found = addresses.remote("10.0.0.1", [hops], TRUSTED)
    assert found == f"10.11.{2_999 % 256 - addresses.HOPS_MAX + 1}.1"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("unknown", "unknown"),
    ],
)
def test_addresses_of_ipv6_are_counted_by_their_network(address: str, network: str) -> None:
    """Whoever has one address of a /64 has all 2^64 of them."""
    assert addresses.network_of(address) == network


@pytest.mark.parametrize("setting", ["secret", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/0", "::/0", "10.0.0.1, secret"])
def test_proxies_that_are_none_are_refused(setting: str) -> None:
    """The refusal says which item and what was expected, and repeats nothing of it."""
    with pytest.raises(addresses.ProxiesRefused, match=r"^item \d: ") as refusal:
        addresses.proxies(setting)
    assert "secret" not in str(refusal.value)


@given(st.text(max_size=40))
def test_proxies_are_read_or_refused(setting: str) -> None:
    """Any text is either a list of networks or refused with their own error."""
    try:
        read = addresses.proxies(setting)
    except addresses.ProxiesRefused:
        return
    assert len(read) == len([item for item in setting.split(",") if item.strip()])


def test_without_proxies_nobody_is_believed() -> None:
    """The default is the peer's own address."""
    assert addresses.remote("127.0.0.1", [b"203.0.113.9"], NOBODY) == "127.0.0.1"
