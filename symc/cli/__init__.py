"""The command line: one file a command.

Exit codes: 0 done; 1 an error in the input or its use; 2 the network needs operators, or gradients of some, that symc
does not have; 3 results differ from what was expected; 70 a bug of symc; 130 interrupted.  `check` has written its
report in any case.  docs/cli.md says this to users.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import typer

from symc.cli.application import EXIT_BUG, EXIT_DIFFERENT, EXIT_INTERRUPTED, EXIT_UNSUPPORTED, EXIT_USER, app
from symc.errors import DifferentError, SymcError, UnsupportedOperatorError

# in the order of use, in which help has them
COMMANDS = ("check", "compile", "verify", "run", "bench", "inspect", "package", "sign", "upgrade", "tune",
            "export")


def load_commands(words: Sequence[str]) -> None:
    """Register the command that is called, or all where none is: for help, for words that are no command, and for the
    shell that completes these."""
    for name in [word for word in words if word in COMMANDS] or COMMANDS:
        import_module(f"symc.cli.{name}")


def main() -> None:
    """Run the command; errors of the user are one message on standard error, bugs a trace."""
    try:
        load_commands(sys.argv[1:2])
        code = app(prog_name="symc", standalone_mode=False)     # that of a typer.Exit
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except Exception as error:
        if os.environ.get("SYMC_DEBUG"):
            traceback.print_exc()
        code = report_error(error)
    if code:
        sys.exit(code)


def report_error(error: Exception) -> int:
    """Say what went wrong; the exit code."""
    command = f"symc {sys.argv[1]}" if len(sys.argv) > 1 else "symc"
    match error:
        case SymcError():
            print(f"{command}: {error}", file=sys.stderr)
            codes: dict[type, int] = {UnsupportedOperatorError: EXIT_UNSUPPORTED, DifferentError: EXIT_DIFFERENT}
            return codes.get(type(error), EXIT_USER)
        case typer.TyperException():
            error.show()
            return EXIT_USER
        case BrokenPipeError():       # the reader has enough; what is still buffered goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_USER
        case OSError():
            said = f"{error.strerror}: {error.filename}" if error.filename else error
            print(f"{command}: {said}", file=sys.stderr)
            return EXIT_USER
        case typer.Abort():
            return EXIT_INTERRUPTED
    traceback.print_exception(error)
    print("symc: this is a bug of symc; please report the trace above", file=sys.stderr)
    return EXIT_BUG
