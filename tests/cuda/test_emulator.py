"""What the emulator finds of wrong kernels."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from tests.cuda.emulator import EmulatedDriver, emulated

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ compiles the kernels for the host")

KERNEL = 'extern "C" __global__ void __launch_bounds__(64) wrong(float* data) {{\n{}\n}}\n'


def run(body, folder, order=1, threads=64):
    driver = EmulatedDriver(order)
    data = np.arange(64, dtype=np.float32)
    pointer = driver.allocate(data.nbytes, "data")
    driver.write(pointer, data)
    driver.launch(emulated([KERNEL.format(body)], folder)["wrong"], 1, threads, [pointer])
    driver.check()
    driver.read(data, pointer)
    return data


def test_barriers_at_different_places_are_found(tmp_path):
    with pytest.raises(AssertionError, match="barriers diverge"):
        run("if (threadIdx.x < 32) __syncthreads(); else __syncthreads();", tmp_path)


def test_threads_that_end_before_a_barrier_are_found(tmp_path):
    with pytest.raises(AssertionError, match="barriers diverge"):
        run("if (threadIdx.x < 32) return; __syncthreads();", tmp_path)


@pytest.mark.parametrize("place", [-1, 64, 64 + 255])
def test_writing_beside_an_array_is_found(place, tmp_path):
    with pytest.raises(AssertionError, match="beside an array"):
        run(f"data[{place}] = 0;", tmp_path)


@pytest.mark.parametrize("place", [-1, 64])
def test_reading_beside_an_array_shows(place, tmp_path):
    assert np.isnan(run(f"data[threadIdx.x] = data[{place}];", tmp_path)).all()


RACE = "float other = data[63 - threadIdx.x]; {} data[threadIdx.x] = other;"


def test_a_missing_barrier_shows_in_one_of_the_orders(tmp_path):
    first, second = (run(RACE.format(""), tmp_path, order) for order in (1, -1))
    assert not np.array_equal(first, second)
    first, second = (run(RACE.format("__syncthreads();"), tmp_path, order) for order in (1, -1))
    assert np.array_equal(first, second) and np.array_equal(first, np.arange(64)[::-1])


def test_shuffles_exchange_values_within_warps(tmp_path):
    found = run("data[threadIdx.x] = __shfl_xor_sync(0xffffffff, data[threadIdx.x], 16);", tmp_path)
    assert np.array_equal(found, np.arange(64) ^ 16)
