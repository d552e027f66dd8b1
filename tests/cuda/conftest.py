"""gpu(0), emulated on the host."""

from __future__ import annotations

import shutil

import pytest

from symc.runtime import devices
from tests.cuda.emulator import EmulatedDriver


@pytest.fixture
def gpu():
    """The driver of gpu(0); afterwards nothing was written beside an array."""
    if shutil.which("g++") is None:
        pytest.skip("g++ compiles the kernels for the host")
    driver = EmulatedDriver()
    devices.register(0, driver)
    yield driver
    driver.check()
    devices.register(0, None)
