"""Which addresses of the network upstream feeds may be fetched from. Pure.

Whoever writes a feed's redirects, or its host's DNS records, must not make this machine ask its neighbours:
routers, databases, the metadata services of clouds. What is judged is the address that is connected to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

EVERYWHERE = "*"
"""Among what may be private: everything."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's registries of special-purpose addresses (RFC 6890, as of 2026), and what is left of older ones. They
# stand here, because what Python's `is_global` says has changed from release to release.
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
class Reach:
    """What may be connected to beside the public network."""

    hosts: frozenset[str] = frozenset()
    """Names that may stand for any address, in small letters, IDNA."""
    networks: tuple[Network, ...] = ()
    everywhere: bool = False

    def allows(self, host: str, address: str) -> bool:
        """Whether a host may be reached at an address that it has; one that cannot be read is none."""
        if self.everywhere or host.lower().rstrip(".") in self.hosts:
            return True
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if public(found):
            return True
        spellings = {found, innermost(found)}
        return any(one in network for network in self.networks for one in spellings)


def reach_of(words: Sequence[str]) -> Reach:
    """What `private_upstreams` says. Raises ValueError for a word that is neither host nor network."""
    hosts, networks = set(), []
    for word in words:
        if word == EVERYWHERE:
            return Reach(everywhere=True)
        try:
            networks.append(ip_network(word.strip("[]"), strict=False))
        except ValueError:
            hosts.add(_host(word))
    return Reach(frozenset(hosts), tuple(networks))


def public(address: Address) -> bool:
    """Whether an address is one of the public network, and so is what it may be translated to."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    inner = innermost(address)
    if isinstance(inner, IPv4Address):
        # Mapped ones never go over a network, 6to4's relays are gone, but a NAT64 is how many reach IPv4.
        return address in _NAT64 and public(inner)
    if any(address in network for network in _PUBLIC_IN_6):
        return True
    return address in _UNICAST and not any(address in network for network in _NOT_PUBLIC_6)


def innermost(address: Address) -> Address:
    """The IPv4 address in one of IPv6 that stands for it; else the address itself."""
    if isinstance(address, IPv6Address):
        value = int(address)
        if address in _MAPPED or address in _NAT64:
            return IPv4Address(value & 0xFFFFFFFF)
        if address in _6TO4:
            return IPv4Address(value >> 80 & 0xFFFFFFFF)
    return address


def _host(word: str) -> str:
    try:
        host = word.strip().rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host) or re.fullmatch(r"[\d.]+", host):
        raise ValueError(
            f"expected `true`, `false`, or hosts and networks (nas.lan, 192.168.0.0/16), found {word!r}"
        )
    return host
