"""`espmon firmware`: writes the emitter that boards copy, in C, for Arduino or for MicroPython."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from espmon.cli.command_runner import Exit, command_parser, fail, print_json, run_command
from espmon.cli.consent import require_consent
from espmon.session.file_system import write_atomically

SOURCES = Path(__file__).resolve().parents[1] / "firmware"
LANGUAGES = {
    "c": ("c/espmon_emit.h", "c/espmon_idf.h", "c/espmon_idf.c", "c/espmon_lvgl.h"),
    "arduino": ("c/espmon_emit.h", "arduino/EspmonEmit.h", "arduino/example.ino"),
    "micropython": ("micropython/espmon_emit.py",),
}
"""Language -> what is written, from the folder beside this one."""

NEXT = {
    "c": "espmon_emit.h is all that other C needs; its head says how it is used, and espmon_idf.h how in ESP-IDF",
    "arduino": "put EspmonEmit.h and espmon_emit.h beside your sketch; example.ino shows how they are used",
    "micropython": "copy it to the board, as with: mpremote cp espmon_emit.py :",
}


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser(
        "firmware",
        "Write code to copy into firmware, so that it can send pictures and payloads to espmon (see espmon formats).",
        mixed=True,
    )
    result.add_argument("--lang", choices=LANGUAGES, required=True, help="what the firmware is written in")
    result.add_argument("folder", metavar="DIR", type=Path, help="where to; it is made if it is not there")
    result.add_argument("--yes", action="store_true", help="overwrite files that are different, without asking")
    result.add_argument("--json", action="store_true", help="the paths as one JSON object")
    return result


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, firmware)


def firmware(options: argparse.Namespace) -> int:
    """Write the files; those that are the same already stay."""
    folder: Path = options.folder
    if folder.exists() and not folder.is_dir():
        fail(Exit.USAGE, f"{folder} is not a folder")
    wanted = {folder / Path(name).name: (SOURCES / name).read_bytes() for name in LANGUAGES[options.lang]}
    for path in wanted:
        if path.is_dir() or path.is_symlink():
            fail(Exit.USAGE, f"{path} is no plain file: it stays as it is")
    changed = [path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content]
    there = [path for path in changed if path.exists()]
    if there and not options.yes:
        names = ", ".join(path.name for path in there)
        require_consent(f"{names} in {folder} would be overwritten.", doing=f"{names} would be overwritten")
    folder.mkdir(parents=True, exist_ok=True)
    for path in changed:
        write_atomically(path, wanted[path])
    if options.json:
        rows = [{"path": str(path), "bytes": len(wanted[path]), "written": path in changed} for path in wanted]
        print_json({"ok": True, "lang": options.lang, "files": rows})
        return Exit.DONE
    for path in wanted:
        print(f"{'written' if path in changed else 'the same'}  {path}")
    print(NEXT[options.lang], file=sys.stderr)
    return Exit.DONE
