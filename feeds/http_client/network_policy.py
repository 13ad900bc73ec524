"""Decide which network addresses other people's feeds may be fetched from. Pure.

The author of a feed's redirects, or of its host's DNS records, must not make this machine send requests to
its neighbours: routers, databases, the metadata services of clouds. The address of the connection is checked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

EVERYWHERE = "*"
"""The word of `private_upstreams` that allows every address."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's registries of special-purpose addresses (RFC 6890, as of 2026), and the rest of older ones. They are
# written here because the result of Python's `is_global` has changed from release to release.
_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "
        "192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 "
        "198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4".split(),
    )
)
_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    map(IPv6Network, "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split())
)
_PUBLIC_IN_6 = tuple(map(IPv6Network, "2001:1::1/128 2001:1::2/128 2001:3::/32 2001:4:112::/48".split()))
_MAPPED, _NAT64, _6TO4 = map(IPv6Network, ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16"))
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)*{_LABEL}")


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Decides which addresses may be connected to: public ones, and those that are allowed besides."""

    hosts: frozenset[str] = frozenset()
    """Host names that may have any address, in lower case and IDNA."""
    networks: tuple[Network, ...] = ()
    allows_all: bool = False
    """Whether every address is allowed."""

    def allows(self, host: str, address: str) -> bool:
        """Return whether a host may be connected to at an address; False for text that is not an address."""
        if self.allows_all or host.lower().rstrip(".") in self.hosts:
            return True
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if is_public(parsed):
            return True
        notations = {parsed, embedded_ipv4(parsed)}
        return any(notation in network for network in self.networks for notation in notations)


def parse_policy(words: Sequence[str]) -> NetworkPolicy:
    """Return the policy that `private_upstreams` describes.

    Raises ValueError for a word that is neither a host nor a network.
    """
    hosts, networks = set(), []
    for word in words:
        if word == EVERYWHERE:
            return NetworkPolicy(allows_all=True)
        try:
            networks.append(ip_network(word.strip("[]"), strict=False))
        except ValueError:
            hosts.add(_parse_host(word))
    return NetworkPolicy(frozenset(hosts), tuple(networks))


def is_public(address: Address) -> bool:
    """Return whether an address and its embedded IPv4 address are publicly routable."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    ipv4 = embedded_ipv4(address)
    if isinstance(ipv4, IPv4Address):
        # Mapped addresses never appear on a network and 6to4 relays are gone, but many machines reach IPv4
        # by NAT64 (RFC 6052).
        return address in _NAT64 and is_public(ipv4)
    if any(address in network for network in _PUBLIC_IN_6):
        return True
    return address in _UNICAST and not any(address in network for network in _NOT_PUBLIC_6)


def embedded_ipv4(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for; otherwise the address itself."""
    if isinstance(address, IPv6Address):
        value = int(address)
        if address in _MAPPED or address in _NAT64:
            return IPv4Address(value & 0xFFFFFFFF)
        if address in _6TO4:
            return IPv4Address(value >> 80 & 0xFFFFFFFF)
    return address


def _parse_host(word: str) -> str:
    try:
        host = word.strip().rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host) or re.fullmatch(r"[\d.]+", host):
        raise ValueError(
            f"expected `true`, `false`, or hosts and networks (nas.lan, 192.168.0.0/16), found {word!r}"
        )
    return host
