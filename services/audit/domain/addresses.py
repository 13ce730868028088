"""Which addresses a client may have us call: those of the public internet, and no way around that."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

URL_CHARACTERS_MAX = 1_000
URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?][!-\[\]^-~]*)?"
)
"""What is taken: so plain that no two parsers read it differently; no user, no fragment, no character beyond ASCII."""
PORT = 443
_HIDDEN = (
    IPv6Network("64:ff9b::/96"),  # NAT64: an IPv4 address, whichever
    IPv6Network("64:ff9b:1::/48"),  # the same for one network's own use
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("2001::/32"),  # Teredo
    IPv6Network("::/96"),  # IPv4-compatible, which is no longer in use
)
"""IPv6 addresses that mean an IPv4 address of somebody's choice."""
_INSIDE = (IPv4Network("168.63.129.16/32"),)
"""Public by their number, and within a cloud all the same: Azure's own services."""


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
        elif found.scope_id is not None or any(found in network for network in _HIDDEN):
            return False
    if isinstance(found, IPv4Address) and any(found in network for network in _INSIDE):
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
