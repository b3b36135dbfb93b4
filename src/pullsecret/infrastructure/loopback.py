"""Whether a connection stays on this machine, and so needs no TLS."""

import ipaddress


def is_loopback(host: str) -> bool:
    """True for an address of the loopback range and for ``localhost``; no name is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
