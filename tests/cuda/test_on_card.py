"""Cases carried to a machine with a GPU: written, read and counted there.  The GPU is emulated."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

import pytest

from symc.codegen.cuda_compile import image_of
from symc.runtime.devices import KernelFailure
from tests.cuda import carry, on_card
from tests.cuda.emulator import EmulatedDriver

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ compiles the kernels for the host")


@pytest.fixture(scope="module")
def carried():
    """Records of a few cases, and the texts of their kernels."""
    texts = {}
    options = argparse.Namespace(families=["loss"], every=5, seconds=60)
    return list(carry.records(options, texts)), [image_of(text, text.decode(), "") for text in texts]


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


def test_a_sample_loads_its_own_kernels(carried, checked, monkeypatch):
    loaded = []
    monkeypatch.setattr(EmulatedDriver, "load", lambda self, images: loaded.extend(images) or {})
    assert checked(carried[0], "--sample", "1") == 1
    assert 0 < len(loaded) < len(carried[1])


def test_a_kernel_that_fails_ends_it(carried, checked, monkeypatch, capsys):
    def fail(*_):
        raise KernelFailure(["k_0"], "CUDA_ERROR_ILLEGAL_ADDRESS")
    monkeypatch.setattr(EmulatedDriver, "launch", fail)
    assert checked(carried[0]) == 1
    output = capsys.readouterr().out
    assert output.count("ILLEGAL_ADDRESS") == 1 and f"0 of {len(carried[0])} cases agree" in output


def test_cases_of_all_families_take_turns(monkeypatch):
    monkeypatch.setattr(carry.golden, "cases", lambda family: [{"id": f"{family}{i}", "symbol": {"nodes": []}}
                                                               for i in range(2)])
    assert [case["id"] for _, case in carry.in_turn([(name, carry.golden.cases(name)) for name in "ab"])] \
        == ["a0", "b0", "a1", "b1"]
    options = argparse.Namespace(families=["a", "b"], every=1, seconds=0)
    assert list(carry.records(options, {})) == []


def test_operators_in_python_are_not_carried():
    options = argparse.Namespace(families=["custom"], every=1, seconds=60)
    assert list(carry.records(options, {})) == []


def test_no_case_is_no_success(checked):
    assert checked([]) == 1
