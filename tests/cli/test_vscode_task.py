"""The VS Code task of the README finds the crashes in what `espmon run` prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from espmon.sim import BoardThread, SimulatedBoard

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")


def test_the_problem_matcher_finds_the_frames_of_a_crash(tmp_path: Path) -> None:
    [task] = json.loads(README.partition("```json\n")[2].partition("```")[0])["tasks"]
    [matcher] = task["problemMatcher"]
    words = task["command"].split()[2:]
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)) as server:
        words[0], words[words.index("build/app.elf")] = server.url, str(server.board.elf)
        ends = ("--send-after", "esp> ", "panic", "--until", "Rebooting", "--timeout", "60")
        done = subprocess.run(
            [sys.executable, "-m", "espmon", "run", *words, *ends],
            capture_output=True, text=True, timeout=90, env={**os.environ, "XDG_DATA_HOME": str(tmp_path)},
        )  # fmt: skip
    lines = done.stdout.splitlines()
    pattern = matcher["pattern"]
    found = [match for match in map(re.compile(pattern["regexp"]).match, lines) if match]
    assert (found[0][pattern["file"]], found[0][pattern["line"]]) == ("/espmon-demo/sensor.h", "26")
    assert found[0][pattern["message"]] == "read_register (inlined)"
    assert len(found) == 9, done.stdout
    for name in ("beginsPattern", "endsPattern"):
        assert any(re.match(matcher["background"][name], line) for line in lines), name
