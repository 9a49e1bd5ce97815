"""The files and lines that a run leaves for a CI page, where they were asked for, or where a CI system is there."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espmon.cli.run_report import RunEnd, RunReport

CODE_QUALITY_FILE = Path("gl-code-quality-report.json")
"""Where a job on GitLab finds the crashes, to be named under `artifacts: reports: codequality`."""


def wants_reports(options: argparse.Namespace) -> bool:
    """Whether a run with these options, here, leaves anything."""
    written = options.junit or options.summary or options.code_quality
    return bool(written) or (not options.no_annotations and (_on_github() or _on_gitlab()))


def _on_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _on_gitlab() -> bool:
    return os.environ.get("GITLAB_CI") == "true"


def write_ci_reports(options: argparse.Namespace, report: RunReport, end: RunEnd) -> None:
    """Write them. Raises `CommandError` for a file that cannot be written.

    Args:
        options: see `espmon.cli.run.parser`.
        report: what happened.
        end: how it ended.
    """
    from espmon.cli.output_files import write_output

    marks = not options.no_annotations
    if marks and _on_github():
        for line in report.annotations():
            print(line, file=sys.stderr)
    quality = options.code_quality
    if quality is None and marks and _on_gitlab():
        quality = CODE_QUALITY_FILE
    if options.summary is not None:
        write_output(options.summary, report.markdown(end).encode("utf-8", "backslashreplace"))
    if options.junit is not None:
        write_output(options.junit, report.junit(end, options.port))
    if quality is not None:
        write_output(quality, report.code_quality())
