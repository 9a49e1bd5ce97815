"""A user's regular expression for one line, made into one for a page of lines as they were received.

Only what means the same there is translated: a match then lies within one line's text. Everything else (what looks
around, refers back or sets flags) is left to be tried line by line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

COLOUR = r"(?:\x1b\[[0-9;:]*m)"

LINE_START = rf"(?:^{COLOUR}*+)"
LINE_END = rf"(?:(?={COLOUR}*+\r{{0,2}}\n))"

WORD_EDGE = r"(?:(?<!\x1b\[[0-9;:]*m)\b|(?<=\x1b\[[0-9;:]*m)(?=\w))"
"""`\\b`, for which the letter that ends a colour is no letter."""

TRANSLATED = {
    ".": r"[^\r\n\x1b]",
    "^": LINE_START,
    "$": LINE_END,
    r"\b": WORD_EDGE,
    r"\s": r"[^\S\r\n]",
    r"\S": r"[^\s\x1b]",
    r"\W": r"[^\w\r\n\x1b]",
    r"\D": r"[^\d\r\n\x1b]",
    "(": "(?:",
}
"""What a user writes -> what means the same in a page. All else is as it was."""

_SPACES = r" \t\x0b\x0c"
_WIDE_SPACES = _SPACES + r"\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space within a line, of ASCII and of all text."""

_TOKEN = re.compile(
    r"(?P<kept>\\[dwt]|\\[!-/:-@\[-`{-~]|\(\?:|[)|*+?]"
    r"|\{\d{0,4}(?:,\d{0,4})?\}|[ !\"#%&',\-/0-9:;<=>@A-Z\]_`a-z~}]|[^\x00-\xa0])"
    r"|(?P<changed>\\[bsSWD]|[.^$]|\((?!\?))"
    r"|\(\?P<\w{1,40}>(?P<named>)"
    r"|(?P<set>\[\^?\]?(?:\\[dws]|\\[!-/:-@\[-`{-~]|\[(?!:)|[^\\\]\[\x00-\x1f\x7f-\xa0])*+\])",
    re.ASCII,
)

_SET_OPERATORS = ("--", "&&", "||", "~~", r"\s-")
"""What makes more of a set than the characters that stand in it."""


class PageToken(NamedTuple):
    """One token of an expression."""

    written: str
    """By the user."""

    page: str
    """What means the same in a page."""

    is_set: bool
    """It is a set of characters."""


def page_tokens(expression: str, *, wide: bool = False) -> Sequence[PageToken] | None:
    """What the expression consists of, None when something in it has no counterpart in a page.

    Args:
        expression: for a line without CR, LF and ESC.
        wide: for text; else for bytes that are ASCII.
    """
    if not wide and not expression.isascii():
        return None
    tokens: list[PageToken] = []
    at = 0
    while at < len(expression):
        token = _TOKEN.match(expression, at)
        if token is None:
            return None
        characters = token["set"]
        if characters is not None:
            if any(operator in characters for operator in _SET_OPERATORS):
                return None
            page = _translated_set(characters, _WIDE_SPACES if wide else _SPACES)
        elif token["named"] is not None:
            page = "(?:"
        else:
            page = token["kept"] or TRANSLATED[token["changed"]]
        tokens.append(PageToken(token[0], page, characters is not None))
        at = token.end()
    return tokens


def page_expression(expression: str, *, wide: bool = False) -> str | None:
    """The expression in MULTILINE mode, None when there is none that means the same.

    Args:
        expression: for a line without CR, LF and ESC.
        wide: for text; else for bytes that are ASCII.
    """
    tokens = page_tokens(expression, wide=wide)
    return None if tokens is None else "".join(token.page for token in tokens)


def _translated_set(written: str, spaces: str) -> str:
    if written.startswith("[^"):
        return f"[^\\r\\n\\x1b{written[2:]}" if not written.startswith("[^]") else f"[^\\r\\n\\x1b\\]{written[3:]}"
    # White space without the ends of lines.
    return written.replace(r"\s", spaces)
