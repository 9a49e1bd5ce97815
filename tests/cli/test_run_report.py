"""What a run leaves for a CI page: whatever a board says, it is a valid file that nothing acts in."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.cli.elf_help import ElfHelp
from espmon.cli.run_report import MAX_CRASHES, RunEnd, RunReport
from espmon.records import Demultiplexer, LineBlock
from espmon.session.archive.blanking import Secrets

RESET = b"rst:0x8 (TG1WDT_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)\r\nentry 0x403cc71a\r\n"


def panic(pc: int = 0x42006E3A, cause: bytes = b"Load access fault") -> bytes:
    head = b"Guru Meditation Error: Core  0 panic'ed (%s). Exception was unhandled.\r\n\r\n" % cause
    return head + b"Core  0 register dump:\r\nMEPC    : 0x%08x  RA      : 0x42006e38\r\n\r\n" % pc + b"more\r\n" * 40


def report_of(*streams: bytes, secrets: Secrets | None = None) -> RunReport:
    names = [f"board{number}" for number in range(len(streams))]
    report = RunReport({name: ElfHelp([]) for name in names}, (secrets or Secrets()).blank)
    for name, data in zip(names, streams, strict=True):
        demux = Demultiplexer()
        for part in (*demux.feed(data).parts, *demux.flush().parts):
            if not isinstance(part, LineBlock):
                report.take(name, part)
    return report


def test_the_summary_tells_verdict_resets_and_each_crash_once_with_its_count() -> None:
    text = report_of(panic() + RESET + panic()).markdown(RunEnd(1, "Panic: it broke", 2.5, 1234))
    assert text.startswith("## espmon run: failed\n")
    assert "(exit code 1, 2.5 s, 1,234 bytes)" in text
    assert text.count("board0: ") == 2  # one kind of reset, one kind of crash
    assert ", 2 times" in text
    assert "0x42006e38" in text


def test_secrets_stay_out_of_what_a_ci_page_shows() -> None:
    crash = panic(cause=b"password: hunter2 at 10.1.2.3")
    report = report_of(crash, secrets=Secrets({"serial": r"SN\d+"}))
    end = RunEnd(1, "it said SN4711, token=abc", 1.0, 0)
    shown = [report.markdown(end), report.junit(end, ["one"]).decode(), *report.annotations()]
    for secret in ("hunter2", "10.1.2.3", "SN4711", "abc"):
        assert all(secret not in text for text in shown), secret
    assert "0x42006e38" in shown[0]


@pytest.mark.parametrize(("code", "failures", "errors"), [(0, 0, 0), (1, 1, 0), (5, 1, 0), (3, 0, 1), (130, 0, 1)])
def test_the_exit_code_is_the_outcome_of_the_test_case(code: int, failures: int, errors: int) -> None:
    suite = ElementTree.fromstring(report_of(b"").junit(RunEnd(code, "why", 1.0, 0), ["/dev/ttyUSB0"]))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", str(failures), str(errors))
    (case,) = suite
    assert case.get("name") == "/dev/ttyUSB0"
    assert len(case) == failures + errors


def test_a_crash_stands_in_the_failure() -> None:
    suite = ElementTree.fromstring(report_of(panic()).junit(RunEnd(1, "Panic", 1.0, 0), ["one"]))
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "board0: " in (failure.text or "")


@given(st.text(max_size=60))
def test_no_text_breaks_the_files(text: str) -> None:
    end = RunEnd(1, text, 0.0, 0)
    report = RunReport({})
    ElementTree.fromstring(report.junit(end, [text]))
    assert len(report.markdown(end).splitlines()) == 3


def test_markup_of_a_board_is_text() -> None:
    said = report_of(b"").markdown(RunEnd(1, "<script> [x](http://y) `z`", 0.0, 0))
    assert r"\<script\> \[x\]\(http://y\) \`z\`" in said


def test_an_annotation_is_one_line_whatever_the_crash_says() -> None:
    (line,) = report_of(panic(cause=b"50% \x07:: broken")).annotations()
    assert line.startswith("::error")
    assert line.isprintable()


def test_a_crash_without_a_source_line_is_no_entry_for_gitlab() -> None:
    assert json.loads(report_of(panic()).code_quality()) == []


def test_a_storm_of_different_crashes_is_bounded() -> None:
    storm = b"".join(panic(0x42000000 + 4 * number) + RESET for number in range(MAX_CRASHES + 10))
    assert len(report_of(storm).crashes) <= MAX_CRASHES
