"""The emitter that boards copy: what it writes is what espmon reads, and it is as small as its head says."""

from __future__ import annotations

import io
import json
import random
import re
from pathlib import Path

import cbor2
import pytest
from PIL import Image

from espmon.records import Caps, Frame, Line, Png, Record
from tests.firmware.compiled import (
    BGR888,
    BGRX8888,
    C99,
    CORE,
    FIRMWARE,
    GREY8,
    HERE,
    MONO1,
    PAGES1,
    RGB565,
    RGB565_SWAPPED,
    RGB888,
    SANITIZERS,
    WARNINGS,
    Driver,
    build,
    compiler,
    packed_size,
    run,
)
from tests.records.streams import assert_tiles, records

STACK_BYTES = 512
FORMATS = [RGB565, RGB565_SWAPPED, RGB888, BGR888, BGRX8888, GREY8, MONO1, PAGES1]
SIZES = [(1, 1), (7, 9), (33, 17)]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Driver:
    """Built with the address and undefined behaviour sanitizers."""
    return build(tmp_path_factory.mktemp("emitter"), *SANITIZERS)


def payload_of(data: bytes) -> Png | Frame:
    (found,) = [record for record in records(data) if isinstance(record, Png | Frame)]
    assert found.error is None
    assert found.complete
    return found


def colour(form: int, pixels: bytes, index: int) -> tuple[int, ...]:
    """What a pixel of a framebuffer means, written down a second time."""
    if form == GREY8:
        return (pixels[index],)
    if form in (RGB565, RGB565_SWAPPED):
        value = int.from_bytes(pixels[2 * index : 2 * index + 2], "little" if form == RGB565 else "big")
        return tuple(
            part << 8 - bits | part >> 2 * bits - 8
            for part, bits in ((value >> 11, 5), (value >> 5 & 63, 6), (value & 31, 5))
        )
    step = 4 if form == BGRX8888 else 3
    part = tuple(pixels[step * index : step * index + 3])
    return part if form == RGB888 else part[::-1]


def expected(form: int, pixels: bytes, width: int, height: int) -> list[tuple[int, ...]]:
    if form == MONO1:
        stride = (width + 7) // 8
        return [((pixels[y * stride + x // 8] >> 7 - x % 8 & 1) * 255,) for y in range(height) for x in range(width)]
    if form == PAGES1:
        return [((pixels[y // 8 * width + x] >> y % 8 & 1) * 255,) for y in range(height) for x in range(width)]
    return [colour(form, pixels, index) for index in range(width * height)]


def shown(png: bytes) -> tuple[tuple[int, int], list[tuple[int, ...]]]:
    with Image.open(io.BytesIO(png)) as picture:
        mode = "RGB" if picture.mode == "RGB" else "L"
        data = picture.convert(mode).tobytes()
        step = len(mode)
        return picture.size, [tuple(data[at : at + step]) for at in range(0, len(data), step)]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("mode", ["streamed", "measured", "raw", "base64", "stored", "rows"])
def test_pictures_of_every_format_come_whole(driver: Driver, tmp_path: Path, form: int, mode: str) -> None:
    if form == PAGES1 and mode == "rows":
        assert driver("png", form, 8, 8, __file__, mode, result=-3) == b""
        return
    generator = random.Random(form)
    for width, height in SIZES:
        # Runs of every length beside noise, so that matches and literals of both code lengths are used.
        noise = generator.randbytes(packed_size(form, width, height))
        pixels = bytes(0xA7 if at // 40 % 2 else byte for at, byte in enumerate(noise))
        source = tmp_path / "pixels"
        source.write_bytes(pixels)
        found = payload_of(driver("png", form, width, height, source, mode))
        assert shown(found.payload) == ((width, height), expected(form, pixels, width, height))
        assert not isinstance(found, Frame) or found.crc == "ok"


def test_runs_of_every_length_are_deflated_rightly(driver: Driver, tmp_path: Path) -> None:
    source = tmp_path / "pixels"
    for run_length in [*range(1, 20), 35, 131, 257, 258, 259, 260, 261, 516, 517, 600]:
        # The difference to the left is 1 all along the row: a run of the length of the row.
        source.write_bytes(bytes((at + 1) % 256 for at in range(run_length)))
        found = payload_of(driver("png", GREY8, run_length, 1, source, "measured"))
        assert shown(found.payload)[1] == [((at + 1) % 256,) for at in range(run_length)]


def test_a_picture_of_a_display_is_small(driver: Driver, tmp_path: Path) -> None:
    source = tmp_path / "pixels"
    source.write_bytes(b"".join((bytes((row, 40)) * 200 + b"\xff\xff" * 40) for row in range(135)))
    assert len(driver("png", RGB565, 240, 135, source, "streamed")) < 4000


def test_json_and_cbor_hold_what_was_put_in(driver: Driver) -> None:
    found = payload_of(driver("json"))
    assert isinstance(found, Frame)
    assert found.value == json.loads(found.payload)
    assert found.value["text"] == 'a "quoted" \\ line\n\t\x7f grüße'
    assert found.value["numbers"] == [0, -(1 << 63), (1 << 63) - 1, 21.5, -0.005, 7e-18]
    assert found.value["rest"] == [True, False, None]
    packed = payload_of(driver("cbor"))
    value = cbor2.loads(packed.payload)
    assert value["numbers"][8:10] == [1 << 32, (1 << 63) - 1]
    assert value["numbers"][-3:] == [-256, -257, -(1 << 63)]
    assert (value["bytes"], value["float"], value["rest"]) == (b"\0\1\xff", 21.5, [True, False, None])
    assert b"\xfaA\xac\0\0" in packed.payload  # in single precision


@pytest.mark.parametrize("armour", ["raw", "base64"])
@pytest.mark.parametrize("size", [1, 2, 3, 127, 128, 129, 5000])
def test_payloads_of_any_size_come_whole(driver: Driver, tmp_path: Path, armour: str, size: int) -> None:
    source = tmp_path / "payload"
    source.write_bytes(random.Random(size).randbytes(size))
    found = payload_of(driver("frame", "file", "a log.csv", armour, source))
    assert isinstance(found, Frame)
    assert (found.kind, found.name, found.crc, found.payload) == ("file", "a log.csv", "ok", source.read_bytes())


@pytest.mark.parametrize(("kind", "payload"), [("json", b'{"a": [1, "}\\""]}'), ("cbor", b"\xa1\x61a\x9f\x01\x02\xff")])
@pytest.mark.parametrize("armour", ["raw", "base64"])
def test_a_payload_of_unknown_length_says_where_it_ends(
    driver: Driver, tmp_path: Path, kind: str, payload: bytes, armour: str
) -> None:
    source = tmp_path / "payload"
    source.write_bytes(payload)
    found = payload_of(driver("stream", kind, armour, source))
    assert isinstance(found, Frame)
    assert (found.payload, found.value["a"][0]) == (payload, 1)


def test_what_cannot_be_sent_is_refused_before_anything_is(driver: Driver, tmp_path: Path) -> None:
    source = tmp_path / "payload"
    source.write_bytes(b"x")
    for kind in ["", "UPPER", "a b", "/a", "a/", "a//b", "a/b/c", "x" * 33, "caf\xe9"]:
        assert driver("frame", kind, "-", "raw", source, result=-3) == b""
    for name in ["", "a\nb", "\x7f", "x" * 256]:
        assert driver("frame", "file", name, "raw", source, result=-3) == b""
    assert driver("stream", "file", "raw", source, result=-3) == b""
    source.write_bytes(b"")
    assert driver("frame", "json", "-", "raw", source, result=-3) == b""
    assert driver("png", GREY8, 0, 5, source, "streamed", result=-3) == b""
    assert driver("png", GREY8, 16385, 5, source, "measured", result=-3) == b""
    assert driver("png", 8, 5, 5, source, "base64", result=-3) == b""


@pytest.mark.parametrize("change", ["grown", "shrunk"])
def test_a_payload_that_changed_is_what_was_measured_or_damaged(driver: Driver, change: str) -> None:
    found = records(driver(change, result=-2) + b"I (1) app: goes on\r\n")
    (frame,) = [record for record in found if isinstance(record, Frame)]
    if change == "grown":
        assert frame.payload == b"x" * 10
    else:
        assert not frame.complete
        assert "crc32" in str(frame.error)
    assert [record.text for record in found if isinstance(record, Line)][-1] == "I (1) app: goes on"


def test_a_write_that_fails_is_reported(driver: Driver, tmp_path: Path) -> None:
    source = tmp_path / "payload"
    source.write_bytes(bytes(1000))
    for writes in range(8):
        assert len(driver("broken", writes, "frame", "acme", "-", "raw", source, result=-1)) == 128 * writes


def test_the_lock_is_held_around_a_payload(driver: Driver) -> None:
    data = driver("hooks", "json", "failed", "caps")
    parts = re.findall(rb"<lock>\n(\n.*?\n)<unlock>\n", data, re.DOTALL)
    assert len(parts) == 3
    assert parts[0].endswith(b"@ESPFRAME_END\n")
    assert parts[1] == b"\nPNG_BEGIN 0\nPNG_END\n"


def test_capabilities_are_one_line(driver: Driver) -> None:
    (found,) = [record for record in records(driver("caps")) if isinstance(record, Caps)]
    assert found.value is not None
    assert found.value["frames"] == ["png", "json", "acme/telemetry"]
    assert found.value["commands"] == {"screenshot": 'the screen as "PNG"', "reboot": ""}
    assert (found.value["version"], found.value["screenshot"], found.value["chip"]) == (1, "screenshot", "esp32c3")


def test_any_cut_gives_the_same_records(driver: Driver, tmp_path: Path) -> None:
    source = tmp_path / "pixels"
    source.write_bytes(bytes(range(64)))
    picture: list[str | int | Path] = ["png", GREY8, 8, 8, source]
    data = driver(
        "log", "I (1) a: b", *picture, "streamed", "json", *picture, "base64", "log", "I (2) a: c", *picture, "raw",
        "caps", "cbor", *picture, "measured", "failed", "stream", "json", "base64", source, "log", "I (3) a: d",
    )  # fmt: skip
    whole = shape(records(data))
    assert [kind for kind, *_ in whole].count("png") == 3
    generator = random.Random(16)
    for _ in range(150):
        cuts = generator.sample(range(len(data)), generator.choice([1, 5, 60]))
        assert shape(records(data, cuts)) == whole
    assert shape(records(data, range(len(data)))) == whole
    assert_tiles(records(data), len(data))


def shape(found: list[Record]) -> list[tuple[str, int, int, bytes]]:
    return [(record.type, record.offset, record.length, getattr(record, "payload", b"")) for record in found]


MAKES = ("espmon__png", "espmon__put_memory")
"""What the emitter itself gives `espmon_frame_made` to call. Of other calls by pointer the host knows the depth."""


def named(attribute: str) -> str:
    """A pattern for the function that an attribute of the graph names; one of a file's own stands behind the file."""
    return rf'{attribute}: "(?:[^":]+:)?([^"]+)"'


def deepest(graph: str) -> int:
    """Bytes of stack of the deepest chain of calls in a call graph of gcc's (`-fcallgraph-info=su`)."""
    label = r'label: "[^"]*?\\n(\d+) bytes \(static\)'
    sizes = {name: int(size) for name, size in re.findall(rf"node: \{{ {named('title')} {label}", graph)}
    calls: dict[str, set[str]] = {name: set() for name in sizes}
    for caller, callee in re.findall(rf"edge: \{{ {named('sourcename')} {named('targetname')}", graph):
        made = callee == "__indirect_call" and caller == "espmon_frame_made"
        calls[caller] |= sizes.keys() & (MAKES if made else {callee})

    def depth(name: str, above: frozenset[str]) -> int:
        assert name not in above, f"{name} calls itself"
        return sizes[name] + max((depth(callee, above | {name}) for callee in calls[name]), default=0)

    assert sizes.keys() >= {"espmon_frame_made", *MAKES}
    return max(depth(name, frozenset()) for name in sizes)


@pytest.mark.parametrize("tool", ["gcc", "riscv64-unknown-elf-gcc"])
@pytest.mark.parametrize("optimized", ["-O0", "-O2", "-Os"])
def test_it_compiles_without_a_warning_and_fits_a_small_stack(tmp_path: Path, tool: str, optimized: str) -> None:
    source = tmp_path / "emit.c"
    source.write_text('#define ESPMON_EMIT_IMPLEMENTATION\n#include "espmon_emit.h"\n')
    machine = ["-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs"] if "riscv" in tool else []
    target = tmp_path / "emit.o"
    run(compiler(tool), *C99, *machine, optimized, "-fcallgraph-info=su", "-c", source, "-o", target)
    symbols = run(compiler("nm"), "--undefined-only", target) if not machine else ""
    assert "alloc" not in symbols
    if optimized != "-O0" and machine:
        assert deepest((tmp_path / "emit.ci").read_text()) <= STACK_BYTES


def test_it_is_cpp_too(tmp_path: Path) -> None:
    source = tmp_path / "emit.cpp"
    source.write_text('#define ESPMON_EMIT_IMPLEMENTATION\n#include "espmon_emit.h"\n')
    run(compiler("g++"), "-std=c++11", *WARNINGS, f"-I{CORE}", "-c", source, "-o", tmp_path / "emit.o")


GLUE: dict[str, list[str | Path]] = {
    "ESP-IDF": ["gcc", "-std=gnu99", FIRMWARE / "c" / "espmon_idf.c"],
    "Arduino": ["g++", "-std=c++11", "-x", "c++", f"-I{FIRMWARE / 'arduino'}", FIRMWARE / "arduino" / "example.ino"],
    "LVGL 8, 16 bits": ["gcc", "-std=c99", "-DLVGL_VERSION_MAJOR=8", "-DLV_COLOR_DEPTH=16", "-DLV_COLOR_16_SWAP=1"],
    "LVGL 8, 32 bits": ["gcc", "-std=c99", "-DLVGL_VERSION_MAJOR=8", "-DLV_COLOR_DEPTH=32"],
    "LVGL 9": ["gcc", "-std=c99", "-DLVGL_VERSION_MAJOR=9"],
}


@pytest.mark.parametrize("framework", GLUE)
def test_the_glue_compiles_against_what_it_needs_of_its_framework(tmp_path: Path, framework: str) -> None:
    tool, *words = GLUE[framework]
    if framework.startswith("LVGL"):
        source = tmp_path / "shown.c"
        source.write_text('#include "espmon_lvgl.h"\nespmon_picture p;\nvoid go(void);\nvoid go(void) {\n'
                          "    if (espmon_lvgl_picture(&p) == 0)\n        espmon_lvgl_done(&p);\n}\n")  # fmt: skip
        words.append(source)
    run(compiler(str(tool)), *WARNINGS, f"-I{HERE / 'declarations'}", f"-I{CORE}", *words, "-c", "-o", tmp_path / "o")


@pytest.mark.parametrize("path", ["c/espmon_idf.c", "c/espmon_idf.h", "c/espmon_lvgl.h", "arduino/EspmonEmit.h",
                                  "arduino/example.ino"])  # fmt: skip
def test_glue_says_that_it_was_not_built_with_its_framework(path: str) -> None:
    assert "NOT BUILT WITH" in (FIRMWARE / path).read_text()[:600]
