"""A page in a headless Chromium, over its DevTools protocol: what its WebSocket gets, drawn by an emulator."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyte
from websockets.asyncio.client import ClientConnection, connect

from espmon.time_limit import time_limit

LIMIT_SECONDS = 60.0

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
)


class Page:
    """One tab. The terminal of textual-serve draws on a canvas: its text is read on the way there."""

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self._socket = socket
        self._session = session
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = asyncio.Event()
        self.sockets = 0
        """WebSockets that the page has opened."""

    async def listen(self) -> None:
        async for message in self._socket:
            said = json.loads(message)
            if (number := said.get("id")) in self._answers:
                self._answers.pop(number).set_result(said)
            elif said.get("method") == "Network.webSocketFrameReceived":
                frame = said["params"]["response"]
                if frame["opcode"] == 2:
                    self._stream.feed(base64.b64decode(frame["payloadData"]))
            elif said.get("method") == "Network.webSocketCreated":
                self.sockets += 1
                words = dict(word.split("=") for word in said["params"]["url"].partition("?")[2].split("&"))
                self._fit(int(words["width"]), int(words["height"]))
                self._screen.reset()
            elif said.get("method") == "Network.webSocketFrameSent":
                frame = json.loads(said["params"]["response"]["payloadData"])
                if frame[0] == "resize":
                    self._fit(frame[1]["width"], frame[1]["height"])
            self._changed.set()

    def _fit(self, width: int, height: int) -> None:
        self._screen.resize(height, width)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the terminal in the page."""
        return self._screen.columns, self._screen.lines

    @property
    def text(self) -> str:
        return "\n".join(row.rstrip() for row in self._screen.display)

    async def until(self, condition: Callable[[], bool]) -> None:
        try:
            async with time_limit(LIMIT_SECONDS):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not in time:\n{self.text}") from None

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        words = {"id": number, "method": method, "params": params, "sessionId": self._session}
        await self._socket.send(json.dumps(words))
        async with time_limit(LIMIT_SECONDS):
            said = await answer
        assert "error" not in said, said
        result: dict[str, Any] = said["result"]
        return result

    async def click(self, x: int = 300, y: int = 200) -> None:
        """With the left button; the terminal has the keys then."""
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def press(self, key: str, code: int = 0) -> None:
        """A key by its name, or a character."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        code = code or {"Enter": 13, "Escape": 27}.get(key, ord(key[0].upper()))
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def type(self, text: str) -> None:
        for character in text:
            await self.press(character)

    async def resize(self, width: int, height: int) -> None:
        """In pixels."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def picture(self) -> bytes:
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Callable[[str], Any]]:
    """Yields what opens a page."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *SWITCHES,
        f"--user-data-dir={folder}",
        "about:blank",
        env={**os.environ, "TMPDIR": "/tmp"},  # its socket has no room for a long one
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    listeners: list[asyncio.Task[None]] = []
    sockets: list[ClientConnection] = []
    try:
        told = folder / "DevToolsActivePort"
        async with time_limit(LIMIT_SECONDS):
            while not await asyncio.to_thread(_written, told):  # noqa: ASYNC110 - another program writes it
                await asyncio.sleep(0.05)
        port, path = (await asyncio.to_thread(told.read_text)).splitlines()[:2]

        async def open_page(url: str) -> Page:
            socket = await connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None)
            sockets.append(socket)
            await socket.send(json.dumps({"id": 0, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
            target = await _answer(socket, 0)
            params = {"targetId": target["targetId"], "flatten": True}
            await socket.send(json.dumps({"id": 0, "method": "Target.attachToTarget", "params": params}))
            page = Page(socket, (await _answer(socket, 0))["sessionId"])
            listeners.append(asyncio.create_task(page.listen()))
            await page.call("Network.enable")
            await page.call("Page.enable")
            await page.call("Emulation.setFocusEmulationEnabled", enabled=True)
            await page.resize(900, 500)
            await page.call("Page.navigate", url=url)
            return page

        yield open_page
    finally:
        for task in listeners:
            task.cancel()
        for socket in sockets:
            await socket.close()
        if process.returncode is None:
            process.terminate()
        try:
            async with time_limit(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _written(path: Path) -> bool:
    return path.exists() and len(path.read_text().splitlines()) >= 2


async def _answer(socket: ClientConnection, number: int) -> dict[str, Any]:
    async for message in socket:
        said = json.loads(message)
        if said.get("id") == number:
            result: dict[str, Any] = said["result"]
            return result
    raise AssertionError("the browser has gone")
