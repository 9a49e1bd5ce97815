"""The MicroPython module, run under CPython: the same bytes as the C emitter writes."""

from __future__ import annotations

import ast
import importlib.util
import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from espmon.records import Caps, Frame
from tests.firmware import compiled
from tests.firmware.compiled import FIRMWARE, Driver, build, packed_size
from tests.records.streams import records

MODULE = FIRMWARE / "micropython" / "espmon_emit.py"
FORMATS = {
    "RGB565": compiled.RGB565,
    "RGB565_SWAPPED": compiled.RGB565_SWAPPED,
    "RGB888": compiled.RGB888,
    "GREY8": compiled.GREY8,
    "MONO1": compiled.MONO1,
    "PAGES1": compiled.PAGES1,
}
"""Name of a format in the module -> the same one in C."""


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("espmon_emit", MODULE)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Driver:
    return build(tmp_path_factory.mktemp("emitter"))


def sent(module: ModuleType, method: str, *words: Any, base64: bool = True, **options: Any) -> bytes:
    written: list[bytes] = []
    getattr(module.Emitter(written.append, base64=base64), method)(*words, **options)
    return b"".join(written)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("armour", ["raw", "base64"])
def test_pictures_are_those_of_the_c_emitter(
    module: ModuleType, driver: Driver, tmp_path: Path, name: str, armour: str
) -> None:
    source = tmp_path / "pixels"
    for width, height in ((1, 1), (33, 17), (300, 4)):
        noise = random.Random(width).randbytes(packed_size(FORMATS[name], width, height))
        source.write_bytes(bytes(0x5A if at // 400 % 2 else byte for at, byte in enumerate(noise)))
        of_c = driver("png", FORMATS[name], width, height, source, armour)
        form = getattr(module, name)
        of_python = sent(module, "png", source.read_bytes(), width, height, form, base64=armour == "base64")
        assert of_python == of_c


@pytest.mark.parametrize("base64", [True, False])
def test_values_come_as_they_were(module: ModuleType, base64: bool) -> None:
    value = {"text": "grüße", "numbers": [0, -1, 1 << 40, -(1 << 63), 2.5], "rest": [True, False, None, {}, []]}
    for send in ("json", "cbor"):
        (found,) = records(sent(module, send, value, base64=base64))
        assert isinstance(found, Frame)
        assert (found.value, found.crc, found.error) == (value, "ok", None)
    (found,) = records(sent(module, "stream", "json", [b"[1,", b"2]"], base64=base64))
    assert isinstance(found, Frame)
    assert found.value == [1, 2]


def test_files_and_capabilities(module: ModuleType) -> None:
    (found,) = records(sent(module, "file", "log.csv", b"a,b\n"))
    assert isinstance(found, Frame)
    assert (found.kind, found.name, found.payload) == ("file", "log.csv", b"a,b\n")
    data = sent(module, "caps", "png json", {"shot()": "the screen"}, app="x", screenshot="shot()")
    (caps,) = [record for record in records(data) if isinstance(record, Caps)]
    assert caps.value == {"version": 1, "app": "x", "screenshot": "shot()", "frames": ["png", "json"],
                          "commands": {"shot()": "the screen"}}  # fmt: skip


class Lock:
    held = False

    def __enter__(self) -> None:
        self.held = True

    def __exit__(self, *_: object) -> None:
        self.held = False


def test_the_lock_is_held_while_something_is_written(module: ModuleType) -> None:
    lock = Lock()
    held: list[bool] = []
    module.Emitter(lambda _: held.append(lock.held), lock=lock).json([1])
    assert held
    assert all(held)
    assert not lock.held


@pytest.mark.parametrize("wrong", ["", "A", "a/b/c", "/a", "x" * 33])
def test_what_cannot_be_sent_is_refused(module: ModuleType, wrong: str) -> None:
    written: list[bytes] = []
    emit = module.Emitter(written.append, base64=False)
    with pytest.raises(ValueError, match="no kind"):
        emit.frame(wrong, b"x")
    with pytest.raises(ValueError, match="no name"):
        emit.file("a\nb", b"x")
    with pytest.raises(ValueError, match="empty"):
        emit.frame("json", b"")
    with pytest.raises(ValueError, match="only base64"):
        emit.stream("acme", [b"x"])
    with pytest.raises(ValueError, match="64 bits"):
        emit.cbor(1 << 64)
    with pytest.raises(ValueError, match="nested"):
        emit.cbor(json.loads("[" * 40 + "]" * 40))
    with pytest.raises(TypeError, match="no set"):
        emit.cbor({1, 2})
    assert not written


def test_it_imports_only_what_micropython_has() -> None:
    tree = ast.parse(MODULE.read_text())
    imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"binascii", "json", "struct"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Match)]
    assert not [node for node in tree.body if isinstance(node, ast.ImportFrom)]
