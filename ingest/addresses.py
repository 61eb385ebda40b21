"""Where a request came from: its peer, or, behind proxies that are trusted, whom the nearest of them names.

Total on any header. What comes out is an address as ``ipaddress`` writes it, never text that a stranger chose.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice

UNKNOWN = "unknown"
"""The peer of a connection that has no address, such as a Unix socket's."""

HOPS_MAX = 32
"""Hops of a header that are looked at, from the right; no request goes through more proxies."""

NETWORK_BITS = 64
"""Addresses of IPv6 are told apart by these first bits: whoever has one of a network has all of it."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class ProxiesRefused(ValueError):
    """The proxies in the settings cannot be trusted as they are written."""

    reason = "trusted_proxies_refused"


def proxies(setting: str) -> tuple[Network, ...]:
    """Read addresses and networks separated by commas. Raises ProxiesRefused, saying which and why."""
    items = [item.strip() for item in setting.split(",") if item.strip()]
    return tuple(_network(item, number) for number, item in enumerate(items, start=1))


def _network(item: str, number: int) -> Network:
    try:
        network = ip_network(item)
    except ValueError:
        raise ProxiesRefused(
            f"item {number}: expected an IP address, or a network such as 10.0.0.0/8 with no bits beyond its length"
        ) from None
    if network.prefixlen == 0:
        raise ProxiesRefused(f"item {number}: with everybody trusted, anybody could say to be anybody")
    return network


def remote(peer: str, forwarded: Sequence[bytes], trusted: Sequence[Network]) -> str:
    """Give the address of whoever sent a request that ``peer`` delivered.

    ``forwarded`` are the values of its ``X-Forwarded-For`` headers, in their order: each proxy adds at the right whom
    it was called by, so the first from the right that is not trusted itself is the sender. What stands left of it
    anybody may have written; nor is anything believed beyond a hop that is no address.
    """
    nearest = _read(peer)
    if nearest is None:
        return UNKNOWN
    for hop in islice(_hops(forwarded), HOPS_MAX):
        if not _is_trusted(nearest, trusted):
            break
        named = _read(hop)
        if named is None:
            break
        nearest = named
    return str(nearest)


def network_of(address: str) -> str:
    """Give what an address is counted as: itself, or its /64 where it is of IPv6."""
    read = _read(address)
    if isinstance(read, IPv6Address):
        return str(IPv6Network((int(read), NETWORK_BITS), strict=False))
    return UNKNOWN if read is None else str(read)


def _hops(forwarded: Sequence[bytes]) -> Iterable[str]:
    """Give the hops from the right, one header after the other; empty ones say nothing."""
    for value in reversed(forwarded):
        for hop in reversed(value.decode("latin-1").rsplit(",", HOPS_MAX)):
            if hop.strip(" \t"):
                yield hop.strip(" \t")


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in trusted)


@lru_cache(maxsize=4_096)
def _read(text: str) -> Address | None:
    """Read an address, with or without a port. IPv4 within IPv6 is IPv4; a zone is left out."""
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        read = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (read.ipv4_mapped or read) if isinstance(read, IPv6Address) else read
