"""Work that several threads do at once."""

from __future__ import annotations

import threading

import pytest

from symc.passes.threads import Beside, map_in_threads


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_results_are_in_order(monkeypatch, cores):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(cores))
    assert map_in_threads(lambda number: number * number, range(40)) == [number * number for number in range(40)]
    assert map_in_threads(str, []) == []


def test_several_threads_take_part(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(3))
    together = threading.Barrier(3)
    assert map_in_threads(lambda number: together.wait(60) and number or number, range(3)) == [0, 1, 2]


def test_what_a_thread_raises_is_raised(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(2))
    with pytest.raises(ZeroDivisionError):
        map_in_threads(lambda number: 1 // number, [1, 2, 0, 3])
    with pytest.raises(KeyError):
        Beside(lambda: {}["x"]).result()
