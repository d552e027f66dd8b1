"""The application that commands join, their exit codes, and the error of unequal results."""

from __future__ import annotations

import typer

EXIT_USER, EXIT_UNSUPPORTED, EXIT_DIFFERENT, EXIT_BUG, EXIT_INTERRUPTED = 1, 2, 3, 70, 130

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
                  epilog="Exit codes: 0 done, 1 error in the input, 2 unsupported operators, 3 results differ, 70 bug.")


@app.callback()
def symc() -> None:
    """Compile networks written for the MXNet Symbol API to native code."""
