"""The emitter, compiled for this computer, and what it writes."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "espmon" / "firmware"
CORE = FIRMWARE / "c"
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
C99 = ["-std=c99", *WARNINGS, "-Wconversion", f"-I{CORE}"]
SANITIZERS = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

RGB565, RGB565_SWAPPED, RGB888, BGR888, BGRX8888, GREY8, MONO1, PAGES1 = range(8)
BYTES = {RGB565: 2, RGB565_SWAPPED: 2, RGB888: 3, BGR888: 3, BGRX8888: 4, GREY8: 1}


def compiler(name: str) -> str:
    """The path of a compiler; skips where there is none (`.ci/run` installs them)."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*words: str | Path, fails: bool = False) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode != 0) is fails, done.stderr
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Driver:
    """The compiled driver."""

    program: Path

    def __call__(self, *words: str | int | Path, result: int = 0) -> bytes:
        """What it writes for these words; `result` is what the emitter returns for the last of them."""
        command = [str(self.program), *map(str, words)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()
        assert int(done.stderr) == result
        return done.stdout


def build(folder: Path, *options: str) -> Driver:
    program = folder / "driver"
    run(compiler("gcc"), *C99, *options, "-o", program, HERE / "driver.c")
    return Driver(program)


def packed_size(form: int, width: int, height: int) -> int:
    """Bytes of a picture whose rows lie close."""
    if form == MONO1:
        return (width + 7) // 8 * height
    return width * ((height + 7) // 8) if form == PAGES1 else width * height * BYTES[form]
