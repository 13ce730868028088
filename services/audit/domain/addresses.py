"""Which addresses a client may have us call: those of the public internet, and no way around that."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

URL_CHARACTERS_MAX = 1_000
URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?][!$-;=?-\[\]_a-z~]*)?"
)
"""What is taken: so plain that no two parsers read it differently; no user, no fragment, no character beyond ASCII."""
PORT = 443
_UNICAST = IPv6Network("2000::/3")
"""All that is given out of IPv6: beyond it lie NAT64 (64:ff9b::), mapped and compatible IPv4, and what is local."""
_INSIDE_6 = (
    IPv6Network("2001::/23"),  # for protocols; Teredo is in it, which means an IPv4 address
    IPv6Network("2002::/16"),  # 6to4, the same
    IPv6Network("3fff::/20"),  # for documents
)
_INSIDE_4 = (
    IPv4Network("192.0.0.0/24"),  # for protocols; a cloud has its metadata there
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("168.63.129.16/32"),  # public by its number, and a cloud's own services all the same
)
"""Beside what `ipaddress` knows to be inside, which differs by its version. Source: IANA's registries."""


class UrlRefused(ValueError):
    """An endpoint's address that nothing is sent to.

    Attributes:
        field: that it was sent in.
        problem: what is wrong with it.
        cure: what to send instead.
    """

    field = "url"

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(f"The url {problem}; {cure}.")
        self.problem = problem
        self.cure = cure


def is_public(address: str) -> bool:
    """Return whether an address is one of the public internet.

    >>> [is_public(one) for one in ("93.184.215.14", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fe80::1%eth0")]
    [True, False, False, False, False]
    """
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif (
            found.scope_id is not None
            or found not in _UNICAST
            or any(found in ipv6_network for ipv6_network in _INSIDE_6)
        ):
            return False
    if isinstance(found, IPv4Address) and any(found in ipv4_network for ipv4_network in _INSIDE_4):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved)


def anywhere(address: str) -> bool:
    """Return that an address may be called, whichever: on the local stack alone."""
    del address
    return True


def check_url(url: str, *, inside: bool) -> None:
    """Refuse an address that is none, or that leads inside by itself; where a name leads is looked at on each attempt.

    Args:
        url: as the client sent it.
        inside: whether http, other ports and addresses of the local network are taken, as on the local stack.

    Raises:
        UrlRefused: see there.
    """
    found = URL.fullmatch(url) if len(url) <= URL_CHARACTERS_MAX else None
    if found is None:
        raise UrlRefused(
            "is not a plain https address",
            f"send https://host/path of printable ASCII, {URL_CHARACTERS_MAX} characters at most, without user or "
            "fragment",
        )
    if inside:
        return
    if found["scheme"] != "https":
        raise UrlRefused("is not https", "send one that starts with https://")
    if found["port"] is not None and int(found["port"]) != PORT:
        raise UrlRefused(f"names port {found['port']}", f"send one on port {PORT}")
    host = found["host"]
    if host.startswith("["):
        public = is_public(host[1:-1])
    else:
        # A name's last label has a letter in it; what has none is read as an IPv4 address, in one of its many forms.
        last = host.rpartition(".")[2]
        numeric = last.isdigit() or last.lower().startswith("0x")
        public = is_public(host) if numeric else "." in host
    if not public:
        raise UrlRefused("leads to no address of the public internet", "send one that is reachable from outside")
