"""The command line, `torchapprox`; `analysis.commands` has the commands."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterable, Sequence

from analysis.commands import COMMANDS
from analysis.user_error import UserError
from analysis.version import package_version

RESUMED = ("reproduce", "select", "sweep")
"""Commands that keep what they have found out as they go."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words after the program's name; those of the process if None.

    Returns:
        0 if all went well, 1 after an error that one line on stderr describes, 130 after an
        interrupt from the keyboard.

    Raises:
        SystemExit: With code 2 for a wrong use, with code 0 after `--help` and `--version`.

    Examples:
        >>> main(["lut", "absent.v", "-o", "absent.npz"])
        1
    """
    words = sys.argv[1:] if arguments is None else arguments
    parsed = parser().parse_args(words)
    parsed.command_line = shlex.join(["torchapprox", *words])
    try:
        _show(COMMANDS[parsed.command].run(parsed))
    except UserError as error:
        print(f"torchapprox: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        resumes = parsed.command in RESUMED
        rest = "; the same command goes on with what is stored" if resumes else ""
        print(f"torchapprox: interrupted{rest}", file=sys.stderr)
        return 130
    return 0


def _show(lines: Iterable[str]) -> None:
    """Print lines as they come; the work goes on after a reader, such as `head`, has left."""
    read = True
    for line in lines:
        if read:
            try:
                print(line, flush=True)
            except BrokenPipeError:
                read = False
                # What is still in the buffer would raise the same error again at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser() -> argparse.ArgumentParser:
    """Build the parser of all commands; `command` is the word that calls one."""
    top = argparse.ArgumentParser(
        prog="torchapprox",
        description="Run, explain and retrain networks on approximate hardware multipliers.",
    )
    top.add_argument("--version", action="version", version=f"torchapprox {package_version()}")
    words = top.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for word, command in COMMANDS.items():
        own = words.add_parser(word, help=command.HELP, description=command.DESCRIPTION)
        command.add_arguments(own)
    return top


if __name__ == "__main__":
    sys.exit(main())
