"""A short fuzz of every reader of files; `make fuzz` goes on for as long as one likes."""

import random

import pytest

from tests.fuzz.mutations import NUMBERS
from tests.fuzz.running import outcome
from tests.fuzz.targets import TARGETS

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
