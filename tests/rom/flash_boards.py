"""Loader sessions of a virtual board, with a stub that costs nothing to upload."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVarTuple, Unpack

from espmon.rom import load_chips
from espmon.rom.flash_regions import Piece
from espmon.rom.loader_session import LoaderSession
from tests.rom.flash_board import MAGICS, FlashBoard
from tests.rom.test_image import image
from tests.rom.virtual import Result, VirtualLoop

Arguments = TypeVarTuple("Arguments")


def stub_folder(folder: Path, names: tuple[str, ...] = ("esp32c3", "esp8266", "esp32s3", "esp32")) -> Path:
    """Images that are no code: the virtual board takes anything for a stub."""
    text = base64.b64encode(bytes(2000)).decode()
    (folder / "2").mkdir(parents=True, exist_ok=True)
    for name in names:
        content = {"entry": 1, "text": text, "text_start": 0x40380000, "data": text, "data_start": 0x3FC80000}
        (folder / "2" / f"{name}.json").write_text(json.dumps(content))
    return folder


def board_for(key: str = "esp32c3", **options: Any) -> FlashBoard:
    """A board with a chip of the table."""
    chip = load_chips().chips[key]
    spi = (chip.spi.w0, chip.spi.usr2)
    return FlashBoard(
        chip_id=chip.chip_id if chip.security_info_bytes == 20 else None,
        magic=MAGICS.get(key, 0),
        spi=spi,
        md5=chip.rom_md5,
        **options,
    )


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that hardly compress."""
    return random.Random(seed).randbytes(size)


def application(size: int, seed: int = 1) -> bytes:
    """An ESP32-C3 image."""
    return (image(minimum=0) + noise(size, seed))[:size]


def piece(address: int, data: bytes, file: str = "") -> Piece:
    """A piece that is named after its address unless it has a name."""
    return Piece(address, data, file or f"{address:x}.bin")


async def entered(board: FlashBoard, stubs: Path | None = None, **options: Any) -> LoaderSession:
    """A loader session that has begun; without `stubs` no stub is used."""
    options.setdefault("use_stub", stubs is not None)
    opened = LoaderSession(board, stubs=stubs, **options)
    await opened.enter()
    return opened


class ThreadlessLoop(VirtualLoop):
    """A virtual clock on which threads' work is done at once: time cannot pass while a thread computes."""

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Arguments]], Result], *args: *Arguments
    ) -> asyncio.Future[Result]:
        done: asyncio.Future[Result] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever awaits it
            done.set_exception(error)
        return done


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` on a fresh virtual clock without threads."""
    with asyncio.Runner(loop_factory=ThreadlessLoop) as runner:
        return runner.run(work)
