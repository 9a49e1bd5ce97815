"""The pytest plugin: fixtures for boards, and crashes that fail the test they happen in.

Loaded by every pytest run of an environment that espmon is installed in. So nothing is imported here before a test
asks for a board.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from espmon.api.blocking_board import BlockingBoard
    from espmon.api.board_facade import Board
    from espmon.pytest_plugin.board_pool import BoardPool
    from espmon.pytest_plugin.tested_boards import TestedBoards

FRESH = "espmon_fresh"
"""Marker: the test gets boards of its own."""

PANICS = "espmon_panics"
"""Marker: crashes are what the test is about."""

MARKERS = (
    f"{FRESH}: this test gets boards opened anew: reset where the port can, or a new simulated one",
    f"{PANICS}: crashes do not fail this test",
)

_tested: pytest.StashKey[TestedBoards] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and their settings in the configuration file."""
    group = parser.getgroup("espmon", "boards by espmon")
    group.addoption(
        "--espmon-port",
        action="append",
        metavar="PORT",
        help="a board's port, once for each; xdist deals them out",
    )
    group.addoption("--espmon-baud", type=int, metavar="BAUD", help="rate of the ports (default: 115200)")
    group.addoption("--espmon-elf", action="append", metavar="ELF", help="ELF for decoding crashes; application first")
    group.addoption(
        "--espmon-sim",
        nargs="?",
        const="demo",
        metavar="SCENARIO",
        help="simulated boards instead (default scenario: demo; `espmon sim --help` lists them)",
    )
    group.addoption(
        "--espmon-boards",
        choices=("session", "test"),
        help="share boards over the session (default), or open them anew for each test",
    )
    group.addoption("--espmon-record", metavar="DIR", help="record what the boards send (default: nothing)")
    parser.addini("espmon_port", "ports of boards, as --espmon-port", type="linelist")
    parser.addini("espmon_elf", "ELF files, as --espmon-elf", type="linelist")
    parser.addini("espmon_baud", "as --espmon-baud")
    parser.addini("espmon_sim", "as --espmon-sim")
    parser.addini("espmon_boards", "as --espmon-boards")
    parser.addini("espmon_record", "as --espmon-record")


def pytest_configure(config: pytest.Config) -> None:
    """The markers, and a look at what was asked for."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("espmon_sim") or config.getini("espmon_sim"):
        from espmon.pytest_plugin.board_pool import check_scenario

        check_scenario(config)


@pytest.fixture(scope="session")
def espmon_pool(pytestconfig: pytest.Config) -> Iterator[BoardPool]:
    """The boards that are shared over the session; use `espmon_board` or `espmon_boards`."""
    from espmon.pytest_plugin.board_pool import BoardPool

    with BoardPool.of(pytestconfig) as pool:
        yield pool


@pytest.fixture
def espmon_boards(request: pytest.FixtureRequest) -> Iterator[TestedBoards]:
    """Boards by number, opened when first asked for: `espmon_boards[0]`, `espmon_boards[1]`."""
    from espmon.pytest_plugin.board_pool import BoardPool, opens_fresh
    from espmon.pytest_plugin.tested_boards import TestedBoards

    if opens_fresh(request):
        with BoardPool.of(request.config, fresh=True) as pool:
            tested = request.node.stash[_tested] = TestedBoards(pool)
            yield tested
    else:
        tested = request.node.stash[_tested] = TestedBoards(request.getfixturevalue("espmon_pool"))
        yield tested


@pytest.fixture
def espmon_board(espmon_boards: TestedBoards) -> BlockingBoard:
    """The first board, an `espmon.BlockingBoard`."""
    return espmon_boards[0]


@pytest.fixture
def espmon_async_board(espmon_boards: TestedBoards) -> Board:
    """The first board for tests of asyncio, an `espmon.Board`. Never use both in one test."""
    from espmon.api.board_facade import Board

    return Board("").use(espmon_boards[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that passed fails when its board has crashed."""
    try:
        return (yield)
    finally:
        # Also where it failed: its crashes are no other test's.
        tested = item.stash.get(_tested, None)
        crashes = tested.crashes() if tested is not None else ()
        if tested is not None and crashes and sys.exc_info()[0] is None and item.get_closest_marker(PANICS) is None:
            tested.fail(crashes)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The log since the test's start, and the crashes, stand in the report."""
    report = yield
    tested = item.stash.get(_tested, None)
    if tested is not None and report.when == "call":
        report.sections += tested.sections()
    return report
