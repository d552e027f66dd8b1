"""How commands show results and progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

from symc.errors import counted


def show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, indent=1))
        return
    for key, value in report.items():
        typer.echo("\n".join(_lines(key, value)))


class Notes(list[str]):
    """What was found and decided on the way: told on standard error at once, or kept for the JSON object."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def __call__(self, sentence: str) -> None:
        self.append(sentence)
        if not self.as_json:
            typer.echo(f"note: {sentence}", err=True)

    def added_to(self, report: dict[str, Any]) -> dict[str, Any]:
        return {**report, "notes": [*self]} if self and self.as_json else report


def _lines(key: str, value: Any) -> Iterator[str]:
    """One entry of a report as text: tables for lists of records, a line for the rest."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        yield f"{key}:"
        yield from _table(value)
    elif isinstance(value, dict):
        yield f"{key}:"
        yield from (f"  {name}: {_plain(item)}" for name, item in value.items())
    else:
        yield f"{key}: {_plain(value)}"


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    columns = list(rows[0])
    cells = [columns, *([_plain(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _plain(value: Any) -> str:
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], list):
            return f"{value[0]}{value[1]}"
        return ", ".join(_plain(item) for item in value)
    return str(value)


def plans_of(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The record of a verification, and those of other plans in it."""
    return [record, *record.get("other_plans", ())]


def verdict(record: Mapping[str, Any]) -> str:
    """One line for the record of a verification."""
    if record["status"] == "not run":
        return f"not run: {record['against']}"
    plans = plans_of(record)
    arrays = [item for one in plans for item in one["compared"]]
    worst = max(arrays, key=lambda item: item["relative"], default=None)
    compared = counted(len(arrays), "array") + (f" of {counted(len(plans), 'plan')}" if len(plans) > 1 else "")
    most = f": {compared}, off by {worst['relative']:.1g} of the largest element at most" if worst else ""
    return f"{record['status']}{most} ({', '.join(record['levels'])}; {record['against']})"


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """What is being done, with a counter, on a terminal's last line; nothing when standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(what: str, done: int, total: int) -> None:
        counter = f": {done} of {total}" if total > 1 else ""
        sys.stderr.write(f"\r\x1b[K{what}{counter}")
        sys.stderr.flush()
    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
