"""A session as one file for a colleague: a zip with everything that can be opened again, without its secrets."""

from __future__ import annotations

import base64
import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from espmon.records.batch import Part
from espmon.records.demux import Demultiplexer
from espmon.records.lines import LineBlock
from espmon.records.record import JsonObject, PayloadRecord
from espmon.records.spans.coredump_capture import Coredump
from espmon.regular_file import open_regular
from espmon.session.archive.blanking import Secrets
from espmon.session.archive.gzip_stream import GzipDamage, unpacked
from espmon.session.archive.session_index import INDEX, json_lines
from espmon.session.session_folder import COMPRESSED, SIDECAR, STREAM
from espmon.version import __version__

MANIFEST = "session.json"
"""What the zip is, and what was taken out of it."""

FORMAT = 1
"""Of the zip."""

PORTION = 1 << 20
"""Bytes read at once."""

TEXTS = frozenset({".txt", ".json", ".md", ".csv"})
"""Endings of artifacts that are text."""

PICTURES = frozenset({".png"})
"""Endings of artifacts that are pictures, which no rule reads."""

MAX_TEXT = 64 << 20
"""Bytes of an artifact that is looked through."""


@dataclass(slots=True)
class Exported:
    """What went into a zip."""

    path: Path
    files: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Files that may hold secrets which no rule finds."""

    unread: list[str] = field(default_factory=list)
    """Pictures, which are as they were, whatever they show."""

    damaged: list[str] = field(default_factory=list)
    """What of the session could not be read."""

    blanked: list[JsonObject] | None = None
    """What was taken out; None: nothing was looked for."""

    def to_json(self) -> JsonObject:
        """The export as `--json` prints it."""
        return {
            "path": str(self.path),
            "files": self.files,
            "left_out": self.left_out,
            "unread": self.unread,
            "damaged": self.damaged,
            "blanked": self.blanked,
        }


def export_zip(folder: Path, target: Path, secrets: Secrets | None, elf: Path | None = None) -> Exported:
    """Write a session into a new zip.

    Args:
        folder: the session's.
        target: the file; FileExistsError when it is there.
        secrets: what takes secrets out; None: all is written as it is, core dumps too.
        elf: goes with it.

    Raises:
        OSError: something cannot be read or written; no zip is left.
        SecretsError: a rule of the user's cannot be used.
    """
    done = Exported(target)
    with target.open("xb") as file:
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                _write(archive, folder, secrets, elf, done)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return done


def _write(archive: zipfile.ZipFile, folder: Path, secrets: Secrets | None, elf: Path | None, done: Exported) -> None:
    with archive.open(STREAM, "w", force_zip64=True) as out:
        stream = stream_of(folder, done.damaged)
        for data in blanked_stream(stream, secrets) if secrets else stream:
            out.write(data)
    done.files.append(STREAM)
    for path in sorted(folder.iterdir()):
        if path.name in (STREAM, COMPRESSED) or path.name.startswith(".") or not path.is_file() or path.is_symlink():
            continue
        if path.name in (SIDECAR, INDEX):
            with archive.open(path.name, "w", force_zip64=True) as out:
                for line in blanked_lines(path, secrets):
                    out.write(line)
        elif secrets is not None and path.suffix in TEXTS and path.stat().st_size <= MAX_TEXT:
            archive.writestr(path.name, secrets.blank(path.read_text("utf-8", "replace")))
        elif secrets is None or path.suffix in PICTURES:
            archive.write(path, path.name)
            done.unread += [path.name] if secrets is not None else []
        else:
            done.left_out.append(path.name)
            continue
        done.files.append(path.name)
    if elf is not None:
        archive.write(elf, f"elf/{elf.name}")
        done.files.append(f"elf/{elf.name}")
    done.blanked = None if secrets is None else secrets.to_json()
    manifest = {
        "format": FORMAT,
        "espmon": __version__,
        "session": folder.name,
        "left_out": done.left_out,
        "unread": done.unread,
        "damaged": done.damaged,
        "blanked": done.blanked,
    }
    archive.writestr(MANIFEST, json.dumps(manifest, indent=1) + "\n")


def stream_of(folder: Path, damage: list[str] | None = None) -> Iterator[bytes]:
    """The bytes of a session, unpacked; what is wrong with them is appended to `damage`. Raises OSError."""
    packed = not (folder / STREAM).exists()
    with BufferedReader(open_regular(folder / (COMPRESSED if packed else STREAM))) as file:
        if not packed:
            yield from iter(lambda: file.read(PORTION), b"")
            return
        try:
            for data, _ in unpacked(file, PORTION):
                yield data
        except GzipDamage as error:
            if damage is not None:
                damage.append(f"{COMPRESSED}: {error}")


def blanked_stream(stream: Iterable[bytes], secrets: Secrets) -> Iterator[bytes]:
    """The stream without its secrets, each byte where it was: line by line, core dumps as a whole.

    What a payload holds is looked through; one with a secret in it is taken out whole.
    """
    demux = Demultiplexer()
    with tempfile.TemporaryFile() as kept:
        kept.writelines(stream)
        kept.seek(0)
        at = 0
        while True:
            data = kept.read(PORTION)
            place = kept.tell()
            for part in (demux.feed(data) if data else demux.flush()).parts:
                if isinstance(part, LineBlock) and part.source == "text":
                    yield b"".join(secrets.blank_bytes(part.raw(index)) for index in range(len(part)))
                    at = part.offset + part.length
                elif not getattr(part, "derived", False):
                    kept.seek(part.offset)
                    yield _payload(part, kept.read(part.length), secrets)
                    at = part.offset + part.length
                    kept.seek(place)
            if not data:
                break
        assert at == place


def _payload(part: Part, raw: bytes, secrets: Secrets) -> bytes:
    if isinstance(part, Coredump):
        secrets.whole("coredump", 0)
        return stars(raw)
    text = (part.payload if isinstance(part, PayloadRecord) else raw).decode("latin-1")
    if secrets.blank(text) != text:
        return stars(raw)
    return raw


def stars(raw: bytes) -> bytes:
    """As many bytes as there were, with the line ends where they were."""
    return bytes(byte if byte in b"\r\n" else ord("*") for byte in raw)


def blanked_lines(path: Path, secrets: Secrets | None) -> Iterator[bytes]:
    """The lines of a sidecar or an index without their secrets; what is no JSON object is left out then."""
    with BufferedReader(open_regular(path)) as file:
        if secrets is None:
            yield from iter(lambda: file.read(PORTION), b"")
            return
        for fields, _ in json_lines(file):
            if fields is not None:
                yield json.dumps(record_without(fields, secrets)).encode() + b"\n"


def record_without(fields: JsonObject, secrets: Secrets) -> object:
    """A record, or a line of a sidecar, without its secrets, those that are written as base64 too."""
    if fields.get("type") == "sent":
        return sent_without(fields, secrets)
    if fields.get("type") == "raw" and isinstance(coded := fields.get("bytes"), str):
        raw = base64.b64decode(coded)
        return {**fields, "bytes": base64.b64encode(secrets.blank_bytes(raw)).decode()}
    if fields.get("type") == "line" and isinstance(text := fields.get("text"), str):
        return {**fields, "text": secrets.blank_line(text), "tag": secrets.blank_json(fields.get("tag"))}
    return secrets.blank_json(fields)


def sent_without(fields: JsonObject, secrets: Secrets) -> JsonObject:
    """What was sent, without its secrets; typed key by key nothing can be told from anything."""
    try:
        data = base64.b64decode(str(fields.get("data", "")))
    except ValueError:
        data = b""
    if fields.get("by") == "keys":
        data = secrets.whole("keys", len(data)).encode()
    return {**fields, "data": base64.b64encode(secrets.blank_bytes(data)).decode()}
