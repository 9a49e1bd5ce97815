"""The check that no test leaves a process behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.survivors import PROC, started_here

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(not PROC.joinpath("self/environ").exists(), reason="this system has no /proc")

CHILD = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
DAEMON = (
    "subprocess.run([sys.executable, '-c', 'import subprocess, sys; "
    'subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)\'])'
)
ENDED = "subprocess.run([sys.executable, '-c', ''])"


def run(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """A test run of its own, of one test that does `body`."""
    test = folder / "test_leaves.py"
    hurry = "survivors.GRACE_SECONDS = 0.5"
    test.write_text(f"import subprocess, sys\nfrom tests import survivors\n\n{hurry}\n\ndef test_it():\n    {body}\n")
    options = ["-p", "tests.survivors", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "-c", "/dev/null"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(folder), str(test)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("body", [CHILD, DAEMON], ids=["a child", "a daemon"])
def test_a_run_that_leaves_a_process_fails_names_it_and_ends_it(tmp_path: Path, body: str) -> None:
    done = run(tmp_path, body)
    assert done.returncode == 1, done.stdout
    assert "processes outlived the tests" in done.stdout
    assert "time.sleep(60)" in done.stdout
    assert "first seen after test_leaves.py" in done.stdout
    assert not [process for process in started_here().values() if "time.sleep(60)" in process.command]


def test_a_run_whose_processes_ended_passes(tmp_path: Path) -> None:
    done = run(tmp_path, ENDED)
    assert done.returncode == 0, done.stdout


def test_a_process_is_known_while_it_runs_and_forgotten_when_it_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in started_here()
        child.communicate(b"\n")
    assert child.pid not in started_here()
