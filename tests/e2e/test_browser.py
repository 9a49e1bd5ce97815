"""`espmon serve`: refused without the token, and in a real browser looked at, typed into, resized and reloaded."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from espmon.cli.serve_command import serve_until_cancelled
from espmon.session.status import OpenRequest
from espmon.sim import BoardThread, SimulatedBoard
from espmon.time_limit import time_limit
from tests.e2e.browser import CHROMIUM, browser

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets in asyncio"),
]

LIMIT_SECONDS = 60.0


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))


@asynccontextmanager
async def served(capsys: pytest.CaptureFixture[str]) -> AsyncIterator[str]:
    """A simulated board in browsers; yields the URL."""
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as board:
        request = OpenRequest(board.url, name="bench")
        task = asyncio.create_task(serve_until_cancelled(request, argparse.Namespace(listen=0)))
        told = ""
        try:
            async with time_limit(LIMIT_SECONDS):
                while not (told := told + capsys.readouterr().out).endswith("\n"):
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.02)
            yield told.strip()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            async with time_limit(LIMIT_SECONDS):
                while _watched():  # noqa: ASYNC110 - threads of asyncio wait for the tabs to end
                    await asyncio.sleep(0.02)


def _watched() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("asyncio-waitpid")]


async def test_without_the_token_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async with served(capsys) as url, aiohttp.ClientSession() as client:
        base, token = url.rstrip("/").rsplit("/", 1)
        assert base.startswith("http://127.0.0.1:")
        assert len(token) >= 32
        for path in ("/", "/ws", "/static/js/textual.js", f"/{token[:-1]}/", f"/{token[:-1]}x/ws", "/%2e%2e/ws"):
            async with client.get(base + path) as answer:
                assert answer.status == 403, path
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(f"{base}/ws?width=80&height=24")
        assert refused.value.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as foreign:
            await client.ws_connect(f"{url}ws", origin="http://elsewhere.example")
        assert foreign.value.status == 403
        async with client.get(url, headers={"Host": "localhost:9000"}) as answer:
            page = await answer.text()
            assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert f"ws://localhost:9000/{token}/ws" in page  # as `ssh -L` has it
        async with client.get(url, headers={"Host": 'x"><script>'}) as answer:
            assert "<script>" not in (await answer.text()).partition("data-session-websocket-url")[2][:200]


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
async def test_a_tab_looks_on_writes_is_resized_and_reloaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served(capsys) as url, browser(tmp_path / "chromium") as open_page:
        page = await open_page(url)
        await page.until(lambda: "looking on at" in page.text and "main_task" in page.text)
        columns, rows = page.size
        await page.resize(1200, 700)
        await page.until(lambda: page.size[0] > columns and page.size[1] > rows)
        await page.until(lambda: any(len(row) > columns for row in page.text.splitlines()))
        await page.click()
        await page.press("W")
        await page.until(lambda: "writing through" in page.text and "INPUT" not in page.text)
        await page.press("i")
        await page.until(lambda: "INPUT" in page.text)
        await page.type("help")
        await page.press("Enter")
        await page.until(lambda: "software restart" in page.text)
        assert len(await page.picture()) > 5000
        await page.call("Page.reload")
        await page.until(lambda: page.sockets == 2 and "looking on at" in page.text and "software restart" in page.text)


def test_what_draws_for_browsers_needs_no_terminal() -> None:
    """As `textual serve` starts `espmon demo`."""
    environment = {
        **os.environ,
        "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
        "COLUMNS": "80",
        "ROWS": "24",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "espmon", "demo", "--no-probe"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"__GANGLION__\n"
        drawn = b""
        while b"espmon" not in drawn:
            kind, size = process.stdout.read(1), int.from_bytes(process.stdout.read(4), "big")
            assert kind in (b"D", b"M")
            drawn += process.stdout.read(size)
        leave = b'{"type": "quit"}'
        process.stdin.write(b"M" + len(leave).to_bytes(4, "big") + leave)
        process.stdin.flush()
        process.stdout.read()
        assert process.wait(LIMIT_SECONDS) == 0
