"""The command line in this process and as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import symc
from symc import cli

ROOT = str(Path(symc.__file__).parent.parent)


@pytest.fixture
def call(monkeypatch, capsys):
    """`call(arguments...)`: exit code, standard output and standard error of the command."""
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["symc", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err
    return run


def process(*arguments, folder, **environment):
    """The same in a process."""
    return subprocess.run([sys.executable, "-m", "symc", *map(str, arguments)], cwd=folder, text=True, timeout=300,
                          capture_output=True, env=os.environ | {"PYTHONPATH": ROOT} | environment)
