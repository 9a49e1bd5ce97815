"""A real labgrid on loopback: coordinator, exporter and client, with simulated boards behind it.

    python -m tests.torture.labgrid_bench [--bin FOLDER]

FOLDER holds labgrid's programs (`python -m venv V && V/bin/pip install labgrid`, then V/bin); without it
`ESPMON_LABGRID` counts, or PATH. Monitors and probes a board through its place, lets two users want the same place, and
kills board, exporter and coordinator under a run that goes on. Says what each step showed; fails where one failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("labgrid-coordinator", "labgrid-exporter", "labgrid-client")
START_SECONDS = 60.0
POLL_SECONDS = 0.1


def labgrid_folder() -> Path | None:
    """Where labgrid's programs are, None where they are not installed."""
    found = shutil.which(PROGRAMS[0], path=os.environ.get("ESPMON_LABGRID") or os.environ.get("PATH"))
    return Path(found).absolute().parent if found is not None else None


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def until(condition: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
    """Wait for something. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(POLL_SECONDS)


class Bench:
    """A lab with one simulated board in the place `board1`, reached over RFC 2217.

    Args:
        programs: folder of labgrid's programs.
        folder: for files.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        self.coordinator = f"127.0.0.1:{free_port()}"
        self.board_port = free_port()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "exports.yaml").write_text(
            "bench-group:\n  NetworkSerialPort:\n    host: 127.0.0.1\n"
            f"    port: {self.board_port}\n    speed: 115200\n    protocol: rfc2217\n"
        )

    def environment(self, **more: str) -> Mapping[str, str]:
        """Of labgrid's programs, and of espmon's."""
        return {
            **os.environ,
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "LG_COORDINATOR": self.coordinator,
            "XDG_DATA_HOME": str(self.folder / "data"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "LG_HOSTNAME": "bench",
            "LG_USERNAME": "alice",
            **more,
        }

    def start(self, name: str) -> None:
        """Start "board", "coordinator" or "exporter"."""
        listen = f"rfc2217://127.0.0.1:{self.board_port}"
        commands: Mapping[str, Sequence[object]] = {
            "board": (sys.executable, "-m", "espmon", "sim", "--listen", listen, "--scenario", "demo"),
            "coordinator": (self.programs / "labgrid-coordinator", "-l", self.coordinator),
            "exporter": (
                *(self.programs / "labgrid-exporter", "-c", self.coordinator, "-n", "bench1"),
                *("--hostname", "localhost", self.folder / "exports.yaml"),
            ),
        }
        words = [str(word) for word in commands[name]]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                words, cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """End it without a word."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def client(self, *words: str, user: str = "alice") -> tuple[int, str]:
        """One call of labgrid-client."""
        done = subprocess.run(
            [str(self.programs / "labgrid-client"), *words],
            env=self.environment(LG_USERNAME=user),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def holder(self) -> str:
        """Who has the place, "None" for nobody; "" where nobody answers."""
        _, shown = self.client("-p", "board1", "show")
        return next((line.split(": ")[1] for line in shown.splitlines() if line.startswith("  acquired: ")), "")

    @contextmanager
    def up(self) -> Iterator[Bench]:
        """All of it, until the block is left."""
        try:
            for name in ("board", "coordinator"):
                self.start(name)
            until(lambda: self.client("-p", "board1", "create")[0] == 0, "the coordinator")
            self.client("-p", "board1", "add-match", "bench1/bench-group/*")
            self.start("exporter")
            until(self.serves, "the bench")
            yield self
        finally:
            for name in list(self._running):
                self.kill(name)

    def serves(self) -> bool:
        """Whether the coordinator knows of the port."""
        return "NetworkSerialPort" in self.client("resources")[1]

    def espmon(self, *words: str, user: str = "alice") -> tuple[int, str, str]:
        """A command of espmon's: exit code, output, what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "espmon", *words],
            env=self.environment(LG_USERNAME=user),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


def use(bench: Bench) -> None:
    """Monitor, two users: what a day in a lab is made of."""
    run = ("run", "labgrid:board1", "--yes", "--no-stdin", "--send", "version", "--until", "esp>", "--timeout", "40")
    code, out, said = bench.espmon(*run)
    assert code == 0, said
    assert "esp>" in out
    assert bench.holder() == "None"
    bench.client("-p", "board1", "acquire", user="bob")
    code, _, said = bench.espmon(*run)
    assert (code, "Place board1 is held by bench/bob" in said) == (3, True), said
    assert bench.espmon("scan", "--labgrid")[1] == "labgrid:board1  held by bench/bob\n"
    bench.client("-p", "board1", "release", user="bob")


def probe(bench: Bench) -> None:
    """A board in a place is reset through RFC 2217 like any other."""
    code, out, said = bench.espmon("probe", "labgrid:board1", "--yes")
    assert code == 0, said
    assert "ESP32-C3" in out
    assert bench.holder() == "None"


def kill_each(bench: Bench) -> None:
    """A run goes on through the death of each of them, and the place is free afterwards."""
    log = bench.folder / "log.txt"
    with log.open("wb") as output:
        words = ("run", "labgrid:board1", "--yes", "--no-stdin", "--until", "END-OF-RUN", "--timeout", "300")
        espmon = subprocess.Popen(
            [sys.executable, "-m", "espmon", *words],
            env=bench.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            until(lambda: log.stat().st_size > 500, "the log")
            for name in ("coordinator", "exporter", "board"):
                bench.kill(name)
                bench.start(name)
                if name == "coordinator":  # its exporters give up with it; what starts them in a lab does so anew
                    bench.kill("exporter")
                    until(lambda: bench.client("places")[0] == 0, "the coordinator")
                    bench.start("exporter")
                until(bench.serves, "the bench")
                print(f"  killed and started: {name}; the place is held by {bench.holder()}", flush=True)
            until(lambda: "Link reopened" in log.read_text(errors="replace"), "the port to come back")
            size = log.stat().st_size
            until(lambda: log.stat().st_size > size + 200, "more of the log")
            assert espmon.poll() is None
        finally:
            espmon.terminate()
            espmon.wait(START_SECONDS)
    assert bench.holder() == "None", bench.holder()


def left_behind(bench: Bench) -> None:
    """An espmon that was killed leaves its place acquired: the same user goes on in it, and is told how to free it."""
    words = [sys.executable, "-m", "espmon", "run", "labgrid:board1", "--yes", "--no-stdin", "--timeout", "300"]
    with (bench.folder / "killed.txt").open("wb") as log:
        killed = subprocess.Popen(
            words, env=bench.environment(LG_USERNAME="alice"), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    until(lambda: bench.holder() == "bench/alice", "the place to be acquired")
    killed.kill()
    killed.wait()
    assert bench.holder() == "bench/alice"
    run = ("run", "labgrid:board1", "--yes", "--no-stdin", "--send", "version", "--until", "esp>", "--timeout", "40")
    code, _, said = bench.espmon(*run, user="bob")
    assert (code, "held by bench/alice" in said) == (3, True), said
    code, out, said = bench.espmon(*run)
    assert (code, "esp>" in out, "labgrid-client -p board1 release" in said) == (0, True, True), said
    assert bench.client("-p", "board1", "release")[0] == 0
    assert bench.holder() == "None"


STEPS: Mapping[str, Callable[[Bench], None]] = {
    "use": use,
    "probe": probe,
    "kill each": kill_each,
    "left behind": left_behind,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all steps; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, help="folder of labgrid's programs")
    programs = parser.parse_args(arguments).bin or labgrid_folder()
    if programs is None:
        parser.error("labgrid is not installed; --bin names the folder of its programs")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench = stack.enter_context(Bench(programs, folder).up())
        for name, step in STEPS.items():
            began = time.monotonic()
            step(bench)
            print(f"{name}: as it should be ({time.monotonic() - began:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
