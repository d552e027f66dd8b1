"""Cases carried to a machine with a GPU: written, read and counted there.  The GPU is emulated."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

import pytest

from symc.runtime.images import Image
from tests.cuda import carry, on_card
from tests.cuda.emulator import EmulatedDriver

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ compiles the kernels for the host")


@pytest.fixture(scope="module")
def carried():
    """Records of a few cases, and the texts of their kernels."""
    texts = {}
    options = argparse.Namespace(families=["loss"], every=5)
    return list(carry.records(options, texts)), [Image((), text) for text in texts]


@pytest.fixture
def checked(monkeypatch, tmp_path, carried):
    """Run the program on these records: its exit status."""
    driver = EmulatedDriver()
    driver.architecture = "sm_80"
    monkeypatch.setattr(on_card.cuda, "open_device", lambda number: driver)

    def checked(records, *arguments):
        carry.write(tmp_path / "cases.zip", [json.dumps(record) for record in records], {"sm_80": carried[1]})
        monkeypatch.setattr(sys, "argv", ["on_card", str(tmp_path / "cases.zip"), *arguments])
        with pytest.raises(SystemExit) as ended:
            on_card.main()
        return ended.value.code

    return checked


def test_right_cases_are_counted(carried, checked, capsys):
    assert len(carried[0]) > 2
    assert checked(carried[0]) == 0
    assert f"{len(carried[0])} of {len(carried[0])} cases agree" in capsys.readouterr().out


def test_a_sample_is_of_that_size(carried, checked, capsys):
    assert checked(carried[0], "--sample", "2") == 0
    assert "2 of 2 cases agree" in capsys.readouterr().out


def test_a_case_that_differs_is_named(carried, checked, capsys):
    *others, wrong = carried[0]
    key = next(key for key in wrong["arrays"] if key.startswith("out/"))
    dtype, shape, data = wrong["arrays"][key]
    wrong = {**wrong, "arrays": {**wrong["arrays"], key: (dtype, [*shape, 1], data)}}
    assert checked([*others, wrong]) == 1
    output = capsys.readouterr().out
    assert wrong["id"] in output and f"{len(others)} of {len(carried[0])} cases agree" in output


def test_no_case_is_no_success(checked):
    assert checked([]) == 1
