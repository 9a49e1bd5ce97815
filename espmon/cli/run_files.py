"""What a run leaves besides its log: saved payloads, and reports for a CI page. Loaded as far as it is asked for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from espmon.cli.ci_reports import wants_reports, write_ci_reports
from espmon.cli.command_runner import Exit, fail
from espmon.cli.elf_help import ElfHelp
from espmon.cli.record_output import Output

if TYPE_CHECKING:
    from espmon.cli.artifact_output import ArtifactFolder
    from espmon.cli.run_report import RunReport
    from espmon.session.archive.blanking import Secrets


class RunFiles:
    """The files of one run. Ends the command when the folder for payloads cannot be made.

    Args:
        options: see `espmon.cli.run.parser`.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._helps: dict[str, ElfHelp] = {}
        self._folder: ArtifactFolder | None = None
        self._report: RunReport | None = None
        if options.save is not None:
            from espmon.cli.artifact_output import ArtifactFolder

            self._folder = ArtifactFolder(options.save)
        if wants_reports(options):
            from espmon.cli.run_report import RunReport

            self._report = RunReport(self._helps, _secrets().blank)

    def beside(self, output: Output, elf: ElfHelp, name: str, *, named: bool) -> Output:
        """A board's output, as these files see it.

        Args:
            output: of the board.
            elf: what decodes its crashes.
            name: of the board.
            named: the files that are saved say which board's they are.
        """
        self._helps[name] = elf
        if self._folder is not None:
            from espmon.cli.artifact_output import SavingOutput

            output = SavingOutput(output, self._folder, elf, name if named else None)
        if self._report is not None:
            from espmon.cli.run_report import ReportedOutput

            output = ReportedOutput(output, self._report, name)
        return output

    def write(self, code: int, sentence: str, seconds: float, received: int) -> None:
        """At the end, write the reports. Raises `CommandError` for a file that cannot be written.

        Args:
            code: exit code of the run.
            sentence: why it ended.
            seconds: how long it took.
            received: bytes that came.
        """
        if self._report is not None:
            from espmon.cli.run_report import RunEnd

            write_ci_reports(self._options, self._report, RunEnd(code, sentence, seconds, received))


def _secrets() -> Secrets:
    """The rules of exported sessions: many read a CI page. Ends the command for a rule that is none."""
    from espmon.session.archive.blanking import Secrets, SecretsError
    from espmon.session.settings import load_settings

    try:
        return Secrets(load_settings()[0].secrets)
    except SecretsError as error:
        fail(Exit.USAGE, str(error))
