"""A crash as the text of an issue: what happened, on what, where, and what the board printed before it."""

from __future__ import annotations

from espmon.postmortem.panic_report import PanicReport
from espmon.records.events.boot import Boot
from espmon.records.events.panic_record import Panic
from espmon.session.archive.blanking import Secrets
from espmon.session.status import EventEntry, Status
from espmon.session.store import LogStore
from espmon.text import counted, plain, plain_lines
from espmon.tui.log.export import fence_for
from espmon.version import __version__

LINES_BEFORE = 40
"""Lines of the log before the crash."""


def crash_markdown(
    entry: EventEntry, status: Status, store: LogStore, boot: Boot | None, secrets: Secrets | None = None
) -> str:
    """The text of an issue about a panic, in Markdown. Raises `SecretsError`.

    Args:
        entry: the panic.
        status: the session's.
        store: the log.
        boot: what the boot log named of the application; None where it named nothing.
        secrets: takes out of it what others should not see, and it says that at its end; None: all of it stays.
    """
    report = entry.report if isinstance(entry.report, PanicReport) else None
    record = entry.record
    sentence = plain(report.sentence if report is not None else entry.title)
    facts = [
        ("Chip", status.chip or ""),
        ("Program", "" if boot is None else boot.program),
        ("ESP-IDF", "" if boot is None else boot.idf_version or ""),
        ("ELF", "" if status.elf is None else f"{status.elf.name} ({status.elf_state.value})"),
        ("ELF SHA-256", record.elf_sha256 or "" if isinstance(record, Panic) else ""),
        ("Boot", str(entry.boot) if entry.boot else ""),
        ("Seen", f"{entry.count} times" if entry.count > 1 else ""),
        ("espmon", __version__),
    ]
    parts = [f"## {sentence}", "\n".join(f"- {name}: {plain(value)}" for name, value in facts if value)]
    if report is not None:
        parts += ["### Report", _block(plain_lines(report.to_text()))]
    else:
        parts += ["### Details", _block("\n".join(f"{label}: {text}" for label, text in entry.details))]
    if entry.line is not None and (before := _before(store, entry.line)):
        parts += ["### Log before it", _block(before)]
    text = "\n\n".join(part for part in parts if part) + "\n"
    if secrets is None:
        return text
    text = "".join(secrets.blank_line(line) for line in text.splitlines(keepends=True))
    count = sum(item.count for item in secrets.found)
    return f"{text}\nTaken out: {counted(count, 'secret')}.\n" if count else text


def _before(store: LogStore, line: int) -> str:
    texts = []
    for one in range(max(store.first, line - LINES_BEFORE), line):
        block, index = store.locate(one)
        texts.append(plain(block.text(index)))
    return "\n".join(texts)


def _block(text: str) -> str:
    fence = fence_for(text)
    return f"{fence}text\n{text.strip()}\n{fence}"
