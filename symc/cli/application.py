"""The application that commands join, and their exit codes."""

from __future__ import annotations

from typing import Annotated

import typer

EXIT_USER, EXIT_UNSUPPORTED, EXIT_DIFFERENT, EXIT_BUG, EXIT_INTERRUPTED = 1, 2, 3, 70, 130

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False,
                  epilog="Exit codes: 0 done, 1 error in the input, 2 unsupported operators, 3 results differ, 70 bug, "
                         "130 interrupted. Example: symc check resnet-symbol.json")


def _show_version(wanted: bool) -> None:
    if wanted:
        from symc import __version__

        typer.echo(f"symc {__version__}")
        raise typer.Exit


@app.callback()
def symc(version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True,
                                               help="Print the version.")] = False) -> None:
    """Compile networks written for the MXNet Symbol API to native code."""
