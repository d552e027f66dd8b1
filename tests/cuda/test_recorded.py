"""Recorded MXNet cases through kernels for GPUs, on the host: outputs, gradients and states.

Every 64th case; all of them when SYMC_EXAMPLES is set.
"""

from __future__ import annotations

import os
import shutil

import pytest

from tests import golden
from tests.cuda import recorded
from tests.cuda.emulator import EmulatedDriver, emulated

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ compiles the kernels for the host")

EVERY = 1 if "SYMC_EXAMPLES" in os.environ else 64


@pytest.mark.parametrize("case", golden.some_cases(EVERY))
def test_case(case, tmp_path_factory):
    try:
        prepared = recorded.prepare(case)
    except recorded.NotForPlans:
        pytest.skip("an operator of the case runs on the host")
    driver = EmulatedDriver()
    kernels = emulated(prepared.texts, tmp_path_factory.getbasetemp() / "emulated")
    shown = recorded.run(case, prepared.plan, prepared.weights, driver, kernels)
    driver.check()
    assert recorded.differences(case, shown) == []
