"""Values of Rust: enumerations with and without a place of their own for the variant, texts, characters."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from espmon.postmortem import Symbolizer
from espmon.postmortem.global_variables import GlobalVariables
from espmon.postmortem.memory import SegmentMemory

ELF = Path(__file__).resolve().parents[1] / "fixtures" / "elf" / "rust_enums.elf"


def variables(*, memory: bool = True) -> GlobalVariables:
    symbolizer = Symbolizer(ELF)
    sections = symbolizer.elf.sections.values()
    held = [(section.address, section.read()) for section in sections if section.flags & 2 and section.stored]
    if not memory:
        at = next(item.address for item in GlobalVariables(symbolizer, SegmentMemory([])).named("SENSOR"))
        held = [(at, data[at - start :][:48]) for start, data in held if start <= at < start + len(data)]
    return GlobalVariables(symbolizer, SegmentMemory(held))


@cache
def program() -> GlobalVariables:
    return variables()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("MODE_OFF", "{Off = {}}"), ("MODE_ON", "{On = {__0 = 7}}"), ("PLAIN", "On"), ("NICHE_NONE", "{None = {}}"),
        ("BOOL_SOME", "{Some = {__0 = true}}"), ("PLAIN_NONE", "{None = {}}"),
        ("SENSOR.mode", "{Named = {a = 1, b = 513}}"), ("SENSOR.last", "{Some = {__0 = 7}}"),
        ("SENSOR.result", "{Err = {__0 = 9}}"), ("SENSOR.letter", "120 'x'"),
        ("SENSOR.ok", "true"), ("SENSOR.text", '"hello"'), ("SENSOR.raw[2]", "3"),
    ],
)  # fmt: skip
def test_values_are_those_of_the_source(path: str, text: str) -> None:
    assert program().at_path(path).to_text() == text


def test_a_variant_s_pointer_leads_to_its_value() -> None:
    value = program().at_path("NICHE_SOME")
    assert value.to_text().startswith("{Some = {__0 = 0x3c01")


def test_a_text_that_is_not_in_the_dump_is_told_by_its_pointer() -> None:
    assert variables(memory=False).at_path("SENSOR.text").to_text().startswith("{data_ptr = 0x3c01")
