"""No expression of the package goes quadratic, and none is left out when that is tried."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patterns.collect import TABLES, made_later, patterns
from tests.patterns.inputs import worst_inputs

ROOT = Path(__file__).resolve().parents[2]

USERS_OWN = {
    "espmon.tui.log.query:__post_init__",  # a search without an expression, escaped
    "espmon.tui.log.quick_expression:_may_begin_with",  # one character, matched with one of a colour
    "espmon.tui.log.quick_search:__init__",  # a text, escaped
    "espmon.tui.log.quick_search:_pattern",  # only on short lines, a few of them at a time
    "espmon.tui.log.quick_search:_rare",  # a text, escaped
    "espmon.tui.terminal.raw_input:__init__",  # the keys that leave raw mode, escaped
}
"""Functions that compile what the user typed."""


def test_every_expression_is_known_to_the_benchmark() -> None:
    assert made_later() - USERS_OWN == set(TABLES)
    names = {found.name for found in patterns()}
    assert {"espmon.records.columns.HEADER", "espmon.model.rom_banners.RESET_BANNER"} <= names
    assert len(names) > 200


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (rb"[^\r\n]*(?:ESP-ROM:|rst:)", b"0" * 60),
        (rb"(?:\x1b\[[0-9;:]*m)*(?:\w{0,16}> )?(?:\x1b\[[0-9;:]*m)*x", b"\x1b[m" * 10),
        (rb'assertion ".*" failed', b'assertion "' * 5),
        (rb"%[-+0]*\d*d", b"%" + b"0" * 59),
    ],
)
def test_what_makes_an_expression_quadratic_is_among_the_inputs(expression: bytes, text: bytes) -> None:
    assert any(text in made for _, made in worst_inputs(re.compile(expression), 80))


@pytest.mark.timeout(300)
def test_no_expression_is_quadratic_on_inputs_made_from_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.patterns.trial"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    tried = done.stdout.splitlines()
    assert done.returncode == 0, f"{done.stderr[-2000:]} in the middle of {tried[-1:]}"
    assert [json.loads(line) for line in tried] == [found.name for found in patterns()]
