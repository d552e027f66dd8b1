"""Sets of shapes, as users give them."""

import pytest

from symc.errors import SymcError
from symc.frontend.shape_sets import repeated, shape_sets


def test_one_set_several_and_a_batch_of_any_size():
    assert shape_sets(None).sets == ({},) and shape_sets({"data": [1, 3]}).sets == ({"data": (1, 3)},)
    several = shape_sets([{"data": (1, 3)}, {"data": (8, 3)}, {"data": (1, 3)}])
    assert several.sets == ({"data": (1, 3)}, {"data": (8, 3)}) and several.symbol is None
    batch = shape_sets({"data": (7, "N"), "mask": ("N",), "fixed": (2,)})
    assert batch.symbol == "N" and batch.axes == {"data": 1, "mask": 0} and batch.names == ["data", "mask", "fixed"]
    assert batch.fixed(8) == {"data": (7, 8), "mask": (8,), "fixed": (2,)}


@pytest.mark.parametrize(("given", "problem"), [
    ({"data": ("N", "M")}, "several names, N, M"),
    ({"data": ("N", "N")}, "has N twice"),
    ({"data": ("2*N",)}, "an extent '2\\*N'"),
    ({"data": (-1, 3)}, "an extent -1"),
    ([{"data": ("N", 3)}, {"data": (4, 3)}], "one set of shapes; here are 2"),
    ([{"data": (2, 3)}, {"data": (1, 2, 3)}], "'data' has 2 dimensions in one shape and 3 in another"),
])
def test_what_is_refused(given, problem):
    with pytest.raises(SymcError, match=problem):
        shape_sets(given)


def test_repeated_options():
    assert repeated([]) == [{}]
    assert repeated([("a", (1,)), ("b", (5,)), ("a", (2,))]) == [{"a": (1,), "b": (5,)}, {"a": (2,), "b": (5,)}]
    with pytest.raises(SymcError, match="'a' has 2, 'b' has 3"):
        repeated([("a", (1,)), ("a", (2,)), ("b", (1,)), ("b", (2,)), ("b", (3,))])
