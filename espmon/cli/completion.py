"""`espmon completion SHELL`: a script by which a shell completes commands, options, ports and files."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from importlib import import_module

from espmon.cli.command_runner import Exit, command_parser, run_command
from espmon.cli.help_texts import SUMMARIES

SHELLS = ("bash", "zsh", "fish")

PORTS: Mapping[str, object] = {"bash": "_espmon_ports", "zsh": "_espmon_ports", "fish": "(__espmon_ports)"}
"""Shell -> what lists the serial ports there are, without starting espmon."""

PREAMBLES = {
    "bash": """\
_espmon_ports() {
  compgen -W "$(compgen -G '/dev/ttyUSB*'; compgen -G '/dev/ttyACM*'; compgen -G '/dev/cu.*')" -- "$1"
}
""",
    "zsh": """\
_espmon_ports() {
  local -a ports
  ports=(/dev/ttyUSB*(N) /dev/ttyACM*(N) /dev/cu.*(N))
  compadd -a ports
}
""",
    "fish": """\
function __espmon_ports
  for port in /dev/ttyUSB* /dev/ttyACM* /dev/cu.*
    echo $port
  end
end
""",
}

FILES = frozenset({"FILE", "ELF", "ADDR FILE", "FILE|-"})
FOLDERS = frozenset({"DIR"})
"""Placeholders in the help that stand for files and folders."""

FIRST_WORD_IS_A_PORT = "_shtab_espmon_pos_0_COMPGEN=_espmon_ports\n"
"""For bash: `espmon /dev/tty` completes as `espmon run` does."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("completion", "Print what a shell needs to complete espmon's commands and options.")
    result.add_argument("shell", choices=SHELLS, help="the shell that reads it")
    return result


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, completion)


def completion(options: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    text = shtab.complete(whole_parser(), options.shell, preamble=PREAMBLES[options.shell])
    if options.shell == "zsh":  # also for `source <(espmon completion zsh)`
        text = text.replace("$zsh_eval_context[-1] == eval ", "$zsh_eval_context[-1] == (eval|file) ")
    print(text.rstrip() + "\n" + (FIRST_WORD_IS_A_PORT if options.shell == "bash" else ""), end="")
    return Exit.DONE


def whole_parser() -> argparse.ArgumentParser:
    """All commands in one parser, each argument with what completes it."""
    from espmon.cli import COMMANDS, flash, monitor

    root = _without_words(monitor.parser())
    commands = root.add_subparsers(metavar="COMMAND")
    for name, module in COMMANDS.items():
        if name == "flash":
            actions = commands.add_parser(name, help=SUMMARIES[name]).add_subparsers(metavar="ACTION")
            for action, told in flash.ACTIONS.items():
                actions.add_parser(action, help=told, parents=[flash.action_parser(action)], add_help=False)
        else:
            commands.add_parser(name, help=SUMMARIES[name], parents=[import_module(module).parser()], add_help=False)
    _complete(root)
    return root


def _without_words(whole: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """A parser with its options alone: beside commands there is no place for a port."""
    root = argparse.ArgumentParser(prog="espmon", description=whole.description)
    for action in whole._actions:
        if action.option_strings and "--help" not in action.option_strings:
            root._add_action(action)
    return root


def _complete(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action.choices, Mapping):
            for below in action.choices.values():
                if isinstance(below, argparse.ArgumentParser):
                    _complete(below)
        elif not action.choices:
            found = _completer(_placeholders(action))
            if found is not None:
                action.complete = found  # type: ignore[attr-defined] # how shtab is told


def _placeholders(action: argparse.Action) -> Iterable[str]:
    """What the help calls an argument."""
    return (action.metavar or action.dest.upper(),) if not isinstance(action.metavar, tuple) else action.metavar


def _completer(names: Iterable[str]) -> Mapping[str, object] | None:
    import shtab

    for name in names:
        if name == "PORT":
            return PORTS
        if name in FILES:
            return shtab.FILE
        if name in FOLDERS:
            return shtab.DIRECTORY
    return None
