"""`espmon sessions`: those recorded on this computer; listed, shown, exported, imported, removed, compared."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from espmon.cli.command_runner import Exit, clean, command_parser, fail, print_json, run_command, say
from espmon.records.record import JsonObject
from espmon.session.archive.blanking import Secrets, SecretsError
from espmon.session.archive.past_sessions import PastSession, SessionError, find_session, look_at, sessions_in
from espmon.session.session_folder import is_session, remove_session
from espmon.session.settings import Settings, data_folder, load_settings
from espmon.text import counted

WORD = "a session: its name or a part of it, `last`, or its folder"


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser(
        "sessions",
        "The sessions that were recorded on this computer. `espmon open` shows one on the full screen.",
        epilog="espmon sessions ACTION --help tells the words and options of an action.",
    )
    actions = result.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="board, chip, application, start, length, boots, crashes of each")
    shown = actions.add_parser("show", help="what one session was")
    shown.add_argument("session", help=WORD)
    export = actions.add_parser("export", help="into one file, without passwords, keys, networks and addresses")
    export.add_argument("session", help=WORD)
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file; must not be there yet")
    export.add_argument(
        "--format", choices=("zip", "text", "json"), default="zip", help="zip: opened again by anybody (the default)"
    )
    export.add_argument("--elf", type=Path, help="goes into the zip")
    export.add_argument("--with-secrets", action="store_true", help="leave everything as it is, core dumps too")
    bring = actions.add_parser("import", help="put a session that somebody exported among one's own")
    bring.add_argument("file", type=Path, help="a zip of `espmon sessions export`")
    opening = actions.add_parser("open", help="the same as `espmon open SESSION`")
    opening.add_argument("session", help=WORD)
    removal = actions.add_parser("remove", aliases=["delete"], help="delete sessions")
    removal.add_argument("session", nargs="+", help=WORD)
    compare = actions.add_parser("diff", help="what the board said in each boot of two sessions")
    compare.add_argument("left", help=WORD)
    compare.add_argument("right", help=WORD)
    for action in (listing, shown, export, bring, removal, compare):
        action.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    errors: dict[type[Exception], int] = {SessionError: int(Exit.USAGE), SecretsError: int(Exit.USAGE)}
    return run_command(parser(), arguments, sessions, errors)


def sessions(options: argparse.Namespace) -> int:
    """Do what was asked."""
    actions = {
        "list": _list,
        "show": _show,
        "export": _export,
        "import": _import,
        "open": _open,
        "remove": _remove,
        "delete": _remove,
        "diff": _diff,
    }
    return actions[options.action](data_folder() / "sessions", options)


def describe(session: PastSession) -> JsonObject:
    """A session as `--json` prints it."""
    summary = session.summary
    return {
        "name": session.name,
        "folder": str(session.folder),
        "board": session.board,
        "url": session.url,
        "chip": summary.chip or None,
        "app": summary.app or None,
        "app_version": summary.app_version or None,
        "elf_sha256": summary.elf_sha256 or None,
        "started": session.started,
        "seconds": round(session.seconds, 3),
        "boots": summary.boots if session.indexed else None,
        "crashes": summary.crashes if session.indexed else None,
        "lines": summary.lines if session.indexed else None,
        "bytes": summary.bytes,
        "size": session.size,
        "running": session.running,
        "compressed": session.compressed,
    }


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if 0 < seconds < 1e11 else "-"


def _lasted(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _list(root: Path, options: argparse.Namespace) -> int:
    found = [look_at(folder) for folder in sessions_in(root)]
    if options.json:
        print_json({"folder": str(root), "sessions": [describe(session) for session in found]})
        return Exit.DONE
    if not found:
        print(f"No sessions in {clean(root)}")
        return Exit.DONE
    rows = [("SESSION", "CHIP", "APPLICATION", "LENGTH", "BOOTS", "CRASHES", "SIZE")]
    for session in found:
        summary = session.summary
        app = " ".join(filter(None, (summary.app, summary.app_version)))[:32]
        state = "running" if session.running else _lasted(session.seconds)
        size = f"{session.size / 1e6:,.1f} MB"
        boots, crashes = (str(count) if session.indexed else "?" for count in (summary.boots, summary.crashes))
        rows.append((session.name, summary.chip or "-", app or "-", state, boots, crashes, size))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return Exit.DONE


def _show(root: Path, options: argparse.Namespace) -> int:
    session = look_at(find_session(options.session, root))
    fields = describe(session)
    files = sorted(path.name for path in session.folder.iterdir() if path.is_file())
    if options.json:
        print_json({**fields, "files": files})
        return Exit.DONE
    for name, value in {**fields, "started": _when(session.started), "files": ", ".join(files)}.items():
        print(f"{name:<12} {'-' if value is None else clean(value, 2000)}")
    return Exit.DONE


def _secrets(options: argparse.Namespace) -> Secrets | None:
    if options.with_secrets:
        return None
    settings, problems = load_settings()
    for problem in problems:
        say(f"espmon: {problem}")
    return Secrets(settings.secrets)


def _export(root: Path, options: argparse.Namespace) -> int:
    folder = find_session(options.session, root)
    ending = {"zip": ".zip", "text": ".log", "json": ".jsonl"}[options.format]
    target = options.output or Path(f"{folder.resolve().name}{ending}")
    secrets = _secrets(options)
    if options.elf is not None and (options.format != "zip" or not options.elf.is_file()):
        fail(
            Exit.USAGE, f"no such ELF file: {options.elf}" if options.format == "zip" else "--elf goes into a zip only"
        )
    try:
        if options.format == "zip":
            from espmon.session.archive.session_export import export_zip

            done = export_zip(folder, target, secrets, options.elf).to_json()
        else:
            from espmon.cli.session_text import export_text

            done = export_text(folder, target, secrets, Settings(), as_json=options.format == "json")
    except FileExistsError:
        fail(Exit.USAGE, f"{target} is there already", "-o names another file")
    if options.json:
        print_json(done)
        return Exit.DONE
    print(target)
    for text in done["damaged"]:
        say(f"espmon: {text}")
    for item in done["blanked"] or ():
        say(f"taken out: {item['name']}, {counted(item['count'], 'time')}")
    for name in done["unread"]:
        say(f"as it was, since no rule reads what a picture shows: {name}")
    for name in done["left_out"]:
        say(f"left out, since it may hold secrets that nobody finds: {name} (--with-secrets)")
    return Exit.DONE


def _import(root: Path, options: argparse.Namespace) -> int:
    from espmon.session.archive.session_import import import_zip

    folder, elf = import_zip(options.file, root)
    if elf is not None:
        from espmon.session.elves import ElfLibrary

        ElfLibrary(data_folder() / "elves").add(elf)  # where a crash of this build finds it
    if options.json:
        print_json({"session": folder.name, "folder": str(folder), "elf": None if elf is None else str(elf)})
    else:
        print(folder.name)
    return Exit.DONE


def _open(root: Path, options: argparse.Namespace) -> int:
    from espmon.cli.open_command import main as open_session

    return open_session([str(find_session(options.session, root))])


def _remove(root: Path, options: argparse.Namespace) -> int:
    folders = [find_session(word, root) for word in options.session]
    for folder in folders:
        if not is_session(folder):
            raise SessionError(f"{clean(folder)} is no session of espmon's: it is not removed")
    removed = [folder for folder in dict.fromkeys(folders) if remove_session(folder)]
    if options.json:
        print_json({"removed": [folder.name for folder in removed]})
    else:
        for folder in removed:
            print(f"Removed {folder.name}")
    for folder in set(folders) - set(removed):
        say(f"espmon: {folder.name} is being written: it is not removed")
    return Exit.DONE if len(removed) == len(set(folders)) else Exit.FAILED


def _diff(root: Path, options: argparse.Namespace) -> int:
    from espmon.session.archive.boot_diff import boots_of, diff_boots

    left, right = (find_session(word, root) for word in (options.left, options.right))
    found = diff_boots(boots_of(left), boots_of(right))
    if options.json:
        print_json({"left": left.name, "right": right.name, "boots": [boot.to_json() for boot in found]})
        return Exit.DONE
    for boot in found:
        sides = [
            "none" if side is None else f"{' '.join(filter(None, (side.reason, side.app)))} ({len(side.lines)} lines)"
            for side in (boot.left, boot.right)
        ]
        print(f"boot {boot.number}: {sides[0]} | {sides[1]}{'' if boot.changed else ': the same'}")
        for row in boot.rows:
            print(f"  {row}")
    return Exit.DONE
