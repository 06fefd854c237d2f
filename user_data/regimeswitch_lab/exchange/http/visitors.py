"""Keeps web pages out: requests that a browser sends for a page of somewhere else.

A page of any site can make the browser of this machine send requests to loopback, and with a name
that it points at loopback even read the answers (DNS rebinding). Such requests carry the page's
``Origin``, the browser's ``Sec-Fetch-Site`` or the foreign name in ``Host``.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp import web

from regimeswitch_lab.exchange.http.handlers import Handler, refusal
from regimeswitch_lab.exchange.requests.api_errors import foreign_request


# What a browser says of requests that no foreign page has caused.
OWN_SITES = ("none", "same-origin", "same-site")


class Visitors:
    """Who may ask.

    :param host: the address that is listened on; its name may stand in ``Host`` and ``Origin``
    :param allow_remote: other machines may ask too: by any address, and by this machine's name
    """

    def __init__(self, host: str, allow_remote: bool = False) -> None:
        self._names = {"localhost", host.lower()}
        self._remote = allow_remote
        if allow_remote:
            self._names.add(socket.gethostname().lower())

    def knows(self, name: str) -> bool:
        """Whether a host's name, without its port, is one of this machine's."""
        if name.lower() in self._names:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback or self._remote
        except ValueError:
            return False

    def stranger(self, request: web.Request) -> str | None:
        """The header that gives a foreign request away, and its value; None when it may pass."""
        for header, scheme in (("Host", "//"), ("Origin", "")):
            for value in request.headers.getall(header, []):
                if not self.knows(host_of(scheme + value)):
                    return f"{header} {value}"
        site = request.headers.get("Sec-Fetch-Site", OWN_SITES[0])
        return None if site in OWN_SITES else f"Sec-Fetch-Site {site}"

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse a foreign request, before it counts anywhere."""
        found = self.stranger(request)
        return await handler(request) if found is None else refusal(foreign_request(found))


def host_of(url: str) -> str:
    """The host's name in an address; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
