"""Seeds."""

import pytest

from symc.runtime.context import cpu
from symc.runtime.random import next_seed, seed


def test_a_seed_determines_the_sequence() -> None:
    seed(5)
    first = [next_seed() for _ in range(100)]
    seed(5)
    assert first == [next_seed() for _ in range(100)] and len(set(first)) == 100 and min(first) >= 0
    seed(-6)
    assert not {next_seed() for _ in range(100)} & set(first)


def test_a_context_is_seeded_alone() -> None:
    seed(5)
    first = next_seed(cpu(0)), next_seed(cpu(1))
    seed(5)
    seed(7, cpu(1))
    assert next_seed(cpu(0)) == first[0] and next_seed(cpu(1)) != first[1]


def test_errors() -> None:
    with pytest.raises(ValueError, match="seed_state must be int"):
        seed("a")  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        seed(1, "tpu")
