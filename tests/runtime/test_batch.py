"""Which slabs a batch is cut into."""

import pytest

from symc.runtime.batch import slabs_of

SIZES = (1, 8, 64)


@pytest.mark.parametrize(("costs", "rows", "slabs"), [
    ((10, 80, 640), 1, (1,)),
    ((10, 80, 640), 13, (8, 1, 1, 1, 1, 1)),        # rows cost what they cost: nothing is computed twice
    ((10, 80, 640), 64, (64,)),
    ((10, 10, 60), 3, (8,)),                        # weights cost most: rather rows for nothing
    ((10, 12, 66), 100, (64, 8, 8, 8, 8, 8)),
    ((10, 12, 30), 100, (64, 64)),
    ((10, 80, 700), 130, (8,) * 16 + (1, 1)),       # the largest plan is the worst
])
def test_slabs(costs, rows, slabs):
    assert slabs_of(SIZES, costs, rows) == slabs


@pytest.mark.parametrize("sizes", [(1, 8, 64), (4,), (3, 5), (1, 2, 4, 16)])
def test_slabs_hold_all_rows_and_only_the_last_has_room(sizes):
    costs = [7 * size + 20 for size in sizes]
    for rows in range(1, 200):
        slabs = slabs_of(sizes, costs, rows)
        assert sum(slabs) >= rows > sum(slabs[:-1]) and list(slabs) == sorted(slabs, reverse=True)
