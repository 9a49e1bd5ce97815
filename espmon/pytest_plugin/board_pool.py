"""The boards of one pytest process: the ports that it was given, or simulated ones."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from espmon.api.blocking_board import BlockingBoard
from espmon.postmortem.panic_report import PanicReport
from espmon.sim.scenarios import SCENARIOS
from espmon.text import plain_lines

FRESH_MARKER = "espmon_fresh"


def option(config: pytest.Config, name: str) -> str:
    """A setting: the command line goes before the configuration file."""
    return str(config.getoption(name) or config.getini(name) or "")


def options(config: pytest.Config, name: str) -> list[str]:
    """The same for settings with several values."""
    return list(config.getoption(name) or config.getini(name) or ())


def check_scenario(config: pytest.Config) -> None:
    """Raise `pytest.UsageError` for a scenario that there is not, or where boards cannot be simulated."""
    name = option(config, "espmon_sim")
    if name not in SCENARIOS:
        known = ", ".join(SCENARIOS)
        raise pytest.UsageError(f"--espmon-sim: no scenario {name!r}; there are {known} (write --espmon-sim=demo FILE)")
    if importlib.util.find_spec("esp32_mock_bootloader") is None:
        raise pytest.UsageError("--espmon-sim needs the extra: pip install 'espmon[demo]'")


def opens_fresh(request: pytest.FixtureRequest) -> bool:
    """Whether a test gets boards of its own. Raises `pytest.UsageError` for a setting that there is not."""
    scope = option(request.config, "espmon_boards") or "session"
    if scope not in ("session", "test"):
        raise pytest.UsageError(f"espmon_boards is session or test, not {scope!r}")
    return scope == "test" or request.node.get_closest_marker(FRESH_MARKER) is not None


def ports_of(ports: Sequence[str], worker: int, workers: int) -> list[str]:
    """The ports of one xdist worker: they are dealt out in turn."""
    return list(ports[worker::workers])


@dataclass
class BoardPool:
    """Opens boards by number and keeps them open. A context manager.

    Attributes:
        ports: the ports that this process may open.
        sim: scenario of simulated boards instead, "" for none.
        elf: files for decoding.
        baud: rate of the ports.
        record: folder of recordings, None for none.
        fresh: a board that is opened is reset, where its port can.
        missing: why there are no ports.
    """

    ports: Sequence[str]
    sim: str = ""
    elf: Sequence[Path] = ()
    baud: int = 115200
    record: Path | None = None
    fresh: bool = False
    missing: str = "no board: --espmon-port PORT or --espmon-sim"
    _open: dict[int, BlockingBoard] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def of(cls, config: pytest.Config, *, fresh: bool = False) -> BoardPool:
        """The pool that the command line and the configuration file describe, of this xdist worker."""
        ports = options(config, "espmon_port")
        worker = getattr(config, "workerinput", {})
        number, count = int(str(worker.get("workerid", "gw0"))[2:]), int(worker.get("workercount", 1))
        record = option(config, "espmon_record")
        base = config.invocation_params.dir
        pool = cls(
            ports=ports_of(ports, number, count),
            sim=option(config, "espmon_sim"),
            elf=[base / path for path in options(config, "espmon_elf")],
            baud=int(option(config, "espmon_baud") or 115200),
            record=base / record if record else None,
            fresh=fresh,
        )
        if ports and not pool.ports:
            pool.missing = f"{len(ports)} ports for {count} workers: no board for {worker['workerid']}; -n {len(ports)}"
        return pool

    def __enter__(self) -> BoardPool:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close all; a crash that no test was told of fails the last one."""
        boards = list(self._open.values())
        crashes = [report for board in boards for report in board.crashes(untold=True)]
        self._open.clear()
        self._stack.close()
        if crashes and exc_info[0] is None:
            fail(crashes)

    def board(self, number: int) -> tuple[BlockingBoard, bool]:
        """The board with this number, and whether it was opened just now. Skips the test when there is none."""
        if number in self._open:
            return self._open[number], False
        board = self._stack.enter_context(self._simulated() if self.sim else self._real(number))
        self._open[number] = board
        if self.fresh and not self.sim and board.status.has_modem_lines:
            board.reset()
        return board, True

    def _real(self, number: int) -> BlockingBoard:
        if not self.ports:
            pytest.skip(self.missing)
        if number >= len(self.ports):
            pytest.skip(f"no board {number}: there are {len(self.ports)} ports here, --espmon-port adds one")
        return self._made(self.ports[number], self.elf)

    def _simulated(self) -> BlockingBoard:
        from espmon.sim import BoardThread, SimulatedBoard

        server = self._stack.enter_context(BoardThread(lambda: SimulatedBoard("esp32c3", self.sim, power_delay=0)))
        return self._made(server.url, self.elf or (server.board.elf,))

    def _made(self, port: str, elf: Sequence[Path]) -> BlockingBoard:
        return BlockingBoard(port, baud=self.baud, elf=elf, record=self.record or False, reconnect=True)


def fail(crashes: Sequence[PanicReport], *more: str) -> None:
    """Fail the test with what happened, in its report."""
    text = "\n\n".join(plain_lines(report.to_text()) for report in crashes)
    pytest.fail("\n".join([f"The board crashed: {text}", *more]), pytrace=False)
