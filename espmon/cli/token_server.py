"""The web server of `espmon serve`: textual-serve's, behind a token that stands at the beginning of every path.

A path without it is refused before anything else is looked at, the WebSocket's too. The page gets nothing from other
places, and tells none where it came from.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable

import aiohttp_jinja2
import jinja2
from aiohttp import web
from textual_serve.server import Server

TOKEN_BYTES = 24

STOP_SECONDS = 3.0
"""Longest wait for the tabs' processes to end."""

HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:]{2,45}\](:\d{1,5})?")
"""What a browser may call this computer: behind `ssh -L` its port is another one."""

HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; "
    "frame-ancestors 'none'; base-uri 'none'",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TokenServer(Server):
    """Serves one command: a process of it for each tab.

    Args:
        command: a command line for the shell.
        host: address to listen on.
        port: TCP port; 0: any that is free.
        title: of the page.

    Attributes:
        token: what a path begins with.
    """

    def __init__(self, command: str, host: str, port: int, title: str) -> None:
        super().__init__(command, host=host, port=port, title=title)
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen; returns the URL for people. Raises OSError."""
        runner = self._runner = web.AppRunner(await self._make_app(), access_log=None, shutdown_timeout=STOP_SECONDS)
        await runner.setup()
        await web.TCPSite(runner, self.host, self.port).start()
        host, port = runner.addresses[0][:2]
        name = f"[{host}]" if ":" in host else host
        self.public_url = f"http://{name}:{port}"
        return f"{self.public_url}/{self.token}/"

    async def stop(self) -> None:
        """Serve no more; the tabs' processes end."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._admit])
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(self.templates_path))
        base = f"/{self.token}"
        app.add_routes(
            [
                web.get(f"{base}/", self.handle_index, name="index"),
                web.get(f"{base}/ws", self.handle_websocket, name="websocket"),
                web.get(f"{base}/download/{{key}}", self.handle_download, name="download"),
                web.static(f"{base}/static", self.statics_path, name="static"),
            ]
        )
        return app

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Nothing for those who do not know the token."""
        given = request.path.split("/", 2)[1]
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise web.HTTPForbidden(text="The URL that `espmon serve` has printed is needed.\n", headers=HEADERS)
        if (origin := request.headers.get("Origin")) and origin.partition("://")[2] != request.host:
            raise web.HTTPForbidden(text="Another page asks.\n", headers=HEADERS)
        if HOST.fullmatch(request.host):
            # Read by `handle_index`, which does not wait in between.
            self.public_url = f"http://{request.host}"
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response
