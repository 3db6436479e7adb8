"""Addresses of servers, as settings name them: how far away they are."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

VISIBLE_ASCII = re.compile(r"[!-~]*")


def is_http(url: str) -> bool:
    """Whether it is the address of an HTTP server, with a path at most."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    whole = parts.scheme in ("http", "https") and parts.hostname and port != 0
    more = parts.query or parts.fragment or parts.username is not None  # errors name the address: no password in it
    return bool(whole and not more and VISIBLE_ASCII.fullmatch(url))


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone; a name other than localhost might be anybody's."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


PRIVATE_NETWORKS = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
"""RFC 1918 and RFC 4193."""


def is_private(host: str) -> bool:
    """Whether an address is this machine's or of a private network; a name other than localhost might be anybody's."""
    if is_loopback(host):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in PRIVATE_NETWORKS)
