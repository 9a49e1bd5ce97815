"""The README's table of keys, from the table of actions.

Usage: python -m tests.readme_keys. Writes it anew into README.md; a test compares the two.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from espmon.tui.actions import BY_NAME, help_rows

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- keys: python -m tests.readme_keys -->\n", "<!-- end of keys -->\n"


def key_table() -> str:
    """Markdown: each key with what it does, by group; what only the palette has is named below each group's keys."""
    lines = ["| keys | what they do |", "|---|---|"]
    for group, rows in groupby(help_rows(), key=lambda row: row[3]):
        listed = list(rows)
        lines.append(f"| **{group}** | |")
        lines += [f"| {_code(keys)} | {_cell(title)} |" for keys, title, *_ in listed if keys != BY_NAME]
        named = [_cell(title) for keys, title, *_ in listed if keys == BY_NAME]
        if named:
            lines.append(f"| by name | {'; '.join(named)} |")
    return "\n".join(lines) + "\n"


def _code(keys: str) -> str:
    return " ".join(f"`{_cell(key)}`" for key in keys.split(", "))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the table."""
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}{key_table()}{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
