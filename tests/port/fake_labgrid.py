"""A `labgrid-client` for tests: a script that answers as labgrid 26.0's does, out of files that the test writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ME = "desk/me"
SCRIPT = """\
#!/bin/sh
echo "$*" >> '{lab}/calls'
die() {{ echo "labgrid-client: Error: $1" >&2; exit 1; }}
place=
while [ $# -gt 1 ]; do
  case $1 in
    -x) shift ;;
    -p) place=$2; shift ;;
    -v) ;;
    *) break ;;
  esac
  shift
done
if [ -e '{lab}/down' ]; then
  echo "ERROR              root: coordinator is unavailable: failed to connect" >&2
  echo "Server error: Error: Could not connect to coordinator" >&2
  exit 1
fi
if [ -e '{lab}/hangs' ]; then exec sleep 60; fi
here='{lab}/places'/$place
shown() {{
  printf "Place '%s':\\n  matches:\\n    bench1/*\\n  acquired: %s\\n  acquired resources:\\n" "$1" "$2"
}}
case $1 in
  places)
    for each in '{lab}'/places/*; do shown "${{each##*/}}" "$(cat "$each/holder")"; done
    exit 0 ;;
esac
[ -d "$here" ] || die "place pattern $place matches nothing"
holder=$(cat "$here/holder")
case $1 in
  show) shown "$place" "$holder"; cat "$here/resources" ;;
  acquire)
    [ "$holder" = None ] || die "Place $place is already acquired by $holder. To work simultaneously, ..."
    echo '{me}' > "$here/holder"; echo "acquired place $place" ;;
  release)
    [ "$holder" = None ] && die "place $place is not acquired"
    [ "$holder" = '{me}' ] || die "place $place is acquired by a different user ($holder), use --kick if you are sure"
    echo None > "$here/holder"; echo "released place $place" ;;
  env)
    [ "$holder" = None ] && die "place $place is not acquired"
    [ "$holder" = '{me}' ] || die "place $place is not acquired by your user, acquired by ${{holder#*/}}. To ..."
    cat "$here/env" ;;
  *) die "unknown command $1" ;;
esac
"""


class FakeLab:
    """Places of a coordinator that is not there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "lab"
        programs = folder / "programs"
        (self.folder / "places").mkdir(parents=True)
        programs.mkdir()
        script = programs / "labgrid-client"
        script.write_text(SCRIPT.format(lab=self.folder, me=ME))
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    def add(self, name: str, *ports: str, proxy: str = "", kind: str = "NetworkSerialPort") -> None:
        """A free place with serial ports; each is `[NAME=]PROTOCOL://HOST:PORT`."""
        here = self.folder / "places" / name
        here.mkdir()
        (here / "holder").write_text("None\n")
        yaml, shown = f"targets:\n  {name}:\n    resources:\n", ""
        for port in ports:
            label, _, url = port.rpartition("=")
            protocol, _, address = url.partition("://")
            host, _, number = address.rpartition(":")
            yaml += f"    - {kind}:\n" + (f"        name: {label}\n" if label else "")
            yaml += f"        host: {host}\n        port: {number}\n        protocol: {protocol}\n"
            shown += (
                f"Matching resource '{label or kind}' (bench1/group/{kind}/{label or kind}):\n"
                f"  {{'acquired': None,\n   'params': {{'extra': {{'proxy': '{proxy or 'localhost'}',\n"
                f"                        'proxy_required': {bool(proxy)}}},\n              'host': '{host}'}}}}\n"
            )
        if not ports:
            yaml = f"targets:\n  {name}:\n    resources: []\n"
        (here / "env").write_text(yaml)
        (here / "resources").write_text(shown)

    def hold(self, name: str, holder: str) -> None:
        """Somebody has acquired a place; "None" frees it."""
        (self.folder / "places" / name / "holder").write_text(holder + "\n")

    def holder(self, name: str) -> str:
        """Who has it."""
        return (self.folder / "places" / name / "holder").read_text().strip()

    def mark(self, what: str) -> None:
        """The coordinator is "down", or the client "hangs"."""
        (self.folder / what).touch()

    @property
    def calls(self) -> list[str]:
        """The words of each call."""
        return (self.folder / "calls").read_text().splitlines()
