"""`python -m espmon` is the same program as `espmon`."""

from espmon.cli import program

raise SystemExit(program())
