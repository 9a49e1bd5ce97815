"""The pytest plugin on a repository of test files, with simulated boards."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from espmon import pytest_plugin as plugin
from espmon.pytest_plugin.board_pool import BoardPool, ports_of
from espmon.sim import BoardThread, SimulatedBoard

pytest_plugins = ["pytester"]

PLUGIN = "espmon.pytest_plugin"
"""Loaded by name: nothing is loaded by its entry point here, neither this one nor the plugins of our own tests."""

REPOSITORY = {
    "test_1_pass": """
        def test_a_prompt(espmon_board):
            espmon_board.expect("esp> ", 30)
            espmon_board.send("help")
            assert espmon_board.expect("(screen)shot", 30)[1] == "screen"
    """,
    "test_2_fail": """
        def test_that_fails(espmon_board):
            espmon_board.send("json")
            espmon_board.expect("esp> ", 30)
            assert espmon_board.status.baud == 1
    """,
    "test_3_panic": """
        def test_that_waits_while_it_crashes(espmon_board):
            espmon_board.send("panic")
            espmon_board.expect("never", 30)
    """,
    "test_4_unnoticed": """
        def test_that_looks_away(espmon_board):
            espmon_board.send("abort")
            espmon_board.expect("Rebooting", 30, through_panics=True)
            espmon_board.expect("esp> ", 30, through_panics=True)
    """,
    "test_5_about_panics": """
        import pytest
        from espmon import BoardError

        @pytest.mark.espmon_panics
        def test_about_a_crash(espmon_board):
            espmon_board.send("panic")
            espmon_board.expect("Rebooting", 30, through_panics=True)
            espmon_board.expect("esp> ", 30, through_panics=True)

        def test_that_catches_it(espmon_board):
            espmon_board.send("panic")
            with pytest.raises(BoardError, match="null pointer"):
                espmon_board.expect("never", 30)
            espmon_board.expect("esp> ", 30)
    """,
    "test_6_timeout": """
        def test_that_waits_in_vain(espmon_board):
            espmon_board.expect("never", 0.1)
    """,
    "test_7_two_boards": """
        def test_two(espmon_boards):
            first, second = espmon_boards[0], espmon_boards[1]
            assert first.port != second.port
            second.expect("esp> ", 30)
            assert espmon_boards[1] is second
    """,
    "test_8_async": """
        import asyncio

        def test_asyncio(espmon_async_board):
            async def talk():
                await espmon_async_board.send("help")
                return await espmon_async_board.expect("(screen)shot", 30)
            assert asyncio.run(talk())[1] == "screen"
    """,
    "test_9_fresh": """
        import pytest

        @pytest.mark.espmon_fresh
        def test_a_board_of_its_own(espmon_board, espmon_pool):
            assert espmon_board is not espmon_pool.board(0)[0]
            espmon_board.expect("ESP-ROM", 30)

        def test_what_was_said_before_is_left_out(espmon_board, espmon_pool):
            assert espmon_board is espmon_pool.board(0)[0]
            assert espmon_board.log()
            assert not [line for line in espmon_board.log(espmon_board.position) if "ESP-ROM" in line]
    """,
    "test_10_none": """
        def test_without_a_board():
            pass
    """,
}


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*arguments, plugins=[plugin])


@pytest.fixture(autouse=True)
def repository(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(pytester.path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(pytester.path / "config"))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def test_ten_files_pass_and_fail_as_they_should(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**REPOSITORY)
    result = run(pytester, "--espmon-sim=quiet", "-W", "error")
    result.assert_outcomes(passed=8, failed=4)
    text = "\n".join(result.outlines)
    for failed in ("test_that_fails", "test_that_waits_while_it_crashes", "test_that_looks_away", "test_that_waits_in"):
        assert f"::{failed}" in text
    assert "BoardError: Core 0 wrote to address 0 (a null pointer) in read_register (sensor.h:26)" in text
    assert "The board crashed: Core 0 gave up by calling abort() in command_abort (console.c:25)" in text, (
        "a test that looked away"
    )
    assert "BoardError: Not seen within 0.1 s: never." in text
    assert "espmon board 0: crash" in text
    assert "sensor_sample at /espmon-demo/sensor.c:12" in text
    log = text[text.index("_ test_that_fails _") : text.index("_ test_that_waits_while_it_crashes _")]
    assert "espmon board 0: log" in log
    assert "esp> json" in log
    assert "esp> help" not in log, "that is the log of the test before"


def test_a_crash_in_the_last_test_s_last_moment_is_not_lost(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        def test_that_ends_too_early(espmon_board):
            espmon_board.expect("esp> ", 30)
            espmon_board.send("panic")
            espmon_board.expect("MEPC", 30)
    """)
    result = run(pytester, "--espmon-sim=gdbstub", "-W", "error")
    outcomes = result.parseoutcomes()
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 1, "in the test, or when its board is closed"
    result.stdout.fnmatch_lines(["*The board crashed: *"])


def test_without_a_port_tests_are_skipped_and_say_why(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(REPOSITORY["test_1_pass"])
    result = run(pytester, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*no board: --espmon-port PORT or --espmon-sim*"])


def test_what_is_asked_for_wrongly_is_said_at_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(REPOSITORY["test_1_pass"])
    result = run(pytester, "--espmon-sim", "nosuch")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no scenario 'nosuch'; there are demo, *"])


def test_the_configuration_file_says_the_same(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nespmon_sim = quiet\nespmon_boards = test\n")
    pytester.makepyfile("""
        ports = set()

        def test_one(espmon_board):
            ports.add(espmon_board.port)

        def test_two(espmon_board):
            assert espmon_board.port not in ports
    """)
    run(pytester).assert_outcomes(passed=2)


def test_each_worker_of_xdist_has_a_board(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        def test_whose(espmon_board, worker_id, request):
            espmon_board.expect("esp> ", 30)
            (request.config.rootpath / worker_id).write_text(espmon_board.port)
    """)
    with simulated() as first, simulated() as second:
        result = pytester.runpytest_subprocess(
            "-p", PLUGIN, "-p", "xdist", "-n2", "--dist=each", "--espmon-port", first.url, "--espmon-port", second.url
        )
        result.assert_outcomes(passed=2)
        assert [(pytester.path / name).read_text() for name in ("gw0", "gw1")] == [first.url, second.url]


def simulated() -> BoardThread:
    return BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0))


def test_ports_are_dealt_out_and_a_worker_too_many_is_told() -> None:
    assert ports_of(["a", "b", "c"], 1, 2) == ["b"]
    assert [ports_of(["a", "b"], worker, 3) for worker in range(3)] == [["a"], ["b"], []]
    with pytest.raises(pytest.skip.Exception, match="there are 1 ports here"):
        BoardPool(ports=["a"]).board(1)


def test_nothing_is_imported_before_a_test_asks_for_a_board(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import sys

        def pytest_unconfigure(config):
            loaded = sorted(name for name in sys.modules if name.partition(".")[0] == "espmon")
            (config.rootpath / "loaded").write_text(" ".join(loaded))
    """)
    pytester.makepyfile(REPOSITORY["test_1_pass"])
    result = pytester.runpytest_subprocess("-p", PLUGIN, "--co", "-q")
    assert result.ret == 0
    assert Path(pytester.path, "loaded").read_text().split() == [
        "espmon",
        "espmon.lazy",
        "espmon.pytest_plugin",
        "espmon.version",
    ]
    assert "espmon.sim" in sys.modules, "while here it is"
