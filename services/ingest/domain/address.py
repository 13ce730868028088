"""Addresses of what lies elsewhere: whoever labels is sent there by their browser, and nobody into our own network.

Nothing is ever fetched from here. A name that leads inwards cannot be told by its letters alone; the names that
always do, and every way of writing an internal address as a number, can.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

SCHEMES = ("https", "http", "s3", "gs")
_BUCKETS = ("s3", "gs")
_INTERNAL_NAMES = ("localhost", "metadata.google.internal")
_INTERNAL_ENDS = (".localhost", ".local", ".internal", ".home.arpa")
_CURE = f"send an absolute address that whoever labels can open, with one of {', '.join(SCHEMES)}"


def address_fault(uri: str) -> tuple[str, str] | None:
    """Return what is wrong with an address and the cure; None when it may be shown.

    >>> address_fault("https://example.org/a.png") is None
    True
    >>> address_fault("http://169.254.169.254/latest/meta-data/")[0]
    'leads to 169.254.169.254, which is no public address'
    """
    if any(character.isspace() or ord(character) < 32 for character in uri):
        return "holds a blank", "percent-encode it"
    try:
        parts = urlsplit(uri)
        host = (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        return "is no address", _CURE
    if parts.scheme not in SCHEMES or not host:
        return "is no absolute address of a scheme that is shown", _CURE
    if parts.username is not None or parts.password is not None:
        return "holds a user's name or password", "send an address without one, signed if need be"
    return None if parts.scheme in _BUCKETS else _inwards(host)


def _inwards(host: str) -> tuple[str, str] | None:
    """Return what is wrong with a host that is not for all."""
    number = _number(host)
    if number is not None and not number.is_global:
        return f"leads to {number}, which is no public address", "send a public address; internal ones are never shown"
    if host in _INTERNAL_NAMES or host.endswith(_INTERNAL_ENDS):
        return "leads to an internal name", "send a public address; internal ones are never shown"
    return None


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is when it is a number, in any of the ways in which browsers read one."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeError):
            return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
