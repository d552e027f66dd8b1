"""A short fuzz of every reader of files; `make fuzz` goes on for as long as one likes."""

import random
import time

import pytest

from tests.fuzz import running
from tests.fuzz.mutations import NUMBERS
from tests.fuzz.running import outcome
from tests.fuzz.targets import TARGETS, Target

CASES = {"params": 2000, "graph": 100}      # the quick and the slow one


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_only_errors_of_the_user(target):
    found = {case: wrong for case in range(CASES.get(target, 250)) for wrong in [outcome(target, case)[0]] if wrong}
    assert not found, f"python -m tests.fuzz --target {target} --case {min(found)}"


def test_a_case_is_its_number():
    for target in TARGETS.values():
        assert target.make(random.Random("x 7")) == target.make(random.Random("x 7"))
    assert max(NUMBERS) > 2**64


@pytest.mark.parametrize("slow, found", [(1, ""), (2, "TooSlow at")])
def test_slow_is_what_is_slow_twice(monkeypatch, slow, found):
    times = []

    def read(data: bytes) -> None:
        times.append(time.process_time())
        while len(times) <= slow and time.process_time() < times[-1] + 10:
            pass
    monkeypatch.setattr(running, "SECONDS", 0.05)
    monkeypatch.setitem(TARGETS, "slow", Target(lambda choose: b"", read))
    assert outcome("slow", 0)[0].startswith(found) and len(times) == 2
