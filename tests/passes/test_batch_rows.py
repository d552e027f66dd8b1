"""Whether rows of a batch are computed apart: what is proven holds for data, what couples them is named."""

import pytest

import symc as mx
from symc.errors import SymcError
from symc.passes.any_batch import prove_rows
from symc.passes.batch_rows import BatchAxis, viewed
from symc.passes.pipeline import typed
from tests import golden, separable

DATA = mx.sym.Variable("data")


def dense(data=DATA):
    return mx.sym.FullyConnected(data, num_hidden=4, name="fc")


def proof(symbol, slabs=(1, 8), **shapes):
    def typed_for(size):
        return typed(symbol.graph, {name: tuple(size if extent == "N" else extent for extent in shape)
                                    for name, shape in shapes.items()})
    return prove_rows(typed_for, {name: shape.index("N") for name, shape in shapes.items() if "N" in shape}, "N", slabs)


def steps_first():
    """Time-major, through a dense layer of all steps at once."""
    flat = mx.sym.reshape(DATA, shape=(-1, 16))
    return mx.sym.FullyConnected(flat, num_hidden=5)


PROVEN = {
    "dense": (mx.sym.SoftmaxOutput(dense(), name="sm"), {"data": ("N", 8)}, [BatchAxis(0)]),
    "convolution": (mx.sym.BatchNorm(mx.sym.Convolution(DATA, kernel=(3, 3), num_filter=4)), {"data": ("N", 3, 8, 8)},
                    [BatchAxis(0)]),
    "steps first": (steps_first(), {"data": (7, "N", 16)}, [BatchAxis(0, 7)]),
    "attention": (mx.sym.contrib.interleaved_matmul_selfatt_qk(DATA, heads=4), {"data": (6, "N", 96)},
                  [BatchAxis(0, 1, 4)]),
    "repeated": (mx.sym.repeat(dense(), repeats=3, axis=0), {"data": ("N", 8)}, [BatchAxis(0, 1, 3)]),
    "loop": (mx.sym.contrib.foreach(lambda x, s: (x + s[0], [x + s[0]]), DATA, [mx.sym.Variable("s")])[0],
             {"data": (5, "N", 8), "s": ("N", 8)}, [BatchAxis(1)]),
    "gru": (mx.sym.RNN(DATA, mx.sym.Variable("p"), mx.sym.Variable("s"), state_size=6, num_layers=2, mode="gru",
                       bidirectional=True), {"data": (5, "N", 8)}, [BatchAxis(1)]),
    "boxes": (mx.sym.contrib.MultiBoxDetection(*map(mx.sym.Variable, "pla")),
              {"p": ("N", 5, 12), "l": ("N", 48), "a": (1, 12, 4)}, [BatchAxis(0)]),
    "anchors": (mx.sym.Group([dense(mx.sym.Flatten(DATA)), mx.sym.contrib.MultiBoxPrior(DATA)]),
                {"data": ("N", 3, 8, 8)}, [BatchAxis(0), None]),
    "rows of a table": (mx.sym.Embedding(DATA, input_dim=10, output_dim=4), {"data": ("N", 8)}, [BatchAxis(0)]),
    "lengths": (mx.sym.SequenceReverse(DATA, mx.sym.Variable("l"), use_sequence_length=True),
                {"data": (6, "N", 8), "l": ("N",)}, [BatchAxis(1)]),
    "zeros of any size": (dense() + mx.sym.zeros((0, 4)), {"data": ("N", 8)}, [BatchAxis(0)]),
}


@pytest.mark.parametrize("name", PROVEN)
def test_rows_apart(name):
    symbol, shapes, expected = PROVEN[name]
    assert proof(symbol, **shapes)[1] == expected


COUPLED = {
    "softmax over the batch": (mx.sym.softmax(dense(), axis=0, name="sm"), "'sm' (softmax) computes a row"),
    "mean over the batch": (mx.sym.broadcast_sub(dense(), mx.sym.mean(dense(), axis=0, keepdims=True, name="m")),
                            "'m' (mean) computes a row"),
    "one of the rows": (mx.sym.slice_axis(dense(), axis=0, begin=0, end=1, name="s"), "'s'"),
    "rows in another order": (mx.sym.flip(dense(), axis=0, name="f"), "'f' (reverse)"),
    "rows by number": (mx.sym.contrib.arange_like(dense(), axis=0, name="a"), "'a' .* by their number"),
    "rows by data": (mx.sym.take(dense(), DATA, name="t"), "'t' (take)"),
    "all pairs": (mx.sym.dot(dense(), dense(), transpose_b=True, name="d"), "'d' (dot)"),
    "how many rows": (mx.sym.shape_array(DATA, name="a"), "'a' depends on how many rows"),
    "rows mixed": (mx.sym.reshape(dense(), shape=(4, -1), name="r"), "'r' (Reshape) takes rows"),
    "random numbers": (mx.sym.Group([dense(), mx.sym.random_normal(shape=(2,), name="n")]), "'n' .* random numbers"),
    "another parameter a row": (mx.sym.broadcast_add(dense(), mx.sym.arange(0, 8).reshape((8, 1))), "N"),
}


@pytest.mark.parametrize("name", COUPLED)
def test_coupled_rows_are_refused(name):
    symbol, message = COUPLED[name]
    with pytest.raises(SymcError, match=message.replace("(", r"\(").replace(")", r"\)")):
        proof(symbol, data=("N", 8))


def test_a_batch_that_is_written_in():
    with pytest.raises(SymcError, match="'r' .*Reshape.*(?s:.)*let it follow"):
        proof(mx.sym.reshape(DATA, shape=(1, 2, 4), name="r"), data=("N", 8))


def test_a_batch_of_one_is_not_squeezed_away():
    squeezed = mx.sym.squeeze(mx.sym.Pooling(DATA, global_pool=True, pool_type="avg", kernel=(1, 1)), name="s")
    with pytest.raises(SymcError, match="'s' has shape .3,. with N = 1"):
        proof(squeezed, data=("N", 3, 8, 8))
    assert proof(squeezed, slabs=(2, 8), data=("N", 3, 8, 8))[1] == [BatchAxis(0)]


def test_no_output_depends_on_the_batch():
    with pytest.raises(SymcError, match="no output depends on the batch N: 'multiboxprior"):
        proof(mx.sym.contrib.MultiBoxPrior(DATA), data=("N", 3, 8, 8))


@pytest.mark.parametrize(("batch", "before", "after", "expected"), [
    (BatchAxis(0), (1009, 6), (1009, 2, 3), BatchAxis(0)), (BatchAxis(0), (1009, 6), (3 * 1009, 2), BatchAxis(0, 1, 3)),
    (BatchAxis(1), (7, 1009, 6), (7 * 1009, 6), BatchAxis(0, 7)), (None, (2, 3), (6,), None),
    (BatchAxis(0, 7, 3), (7 * 1009 * 3, 2), (7, 1009, 6), BatchAxis(1)),
    (BatchAxis(0, 1, 2), (2018, 6), (1, 1009, 12), BatchAxis(1)),
])
def test_views(batch, before, after, expected):
    assert viewed(batch, before, after, 1009) == expected


def is_open(case):
    """Whether its shapes depend on data, or its network is no pure function."""
    return case["op"] in ("_contrib_boolean_mask", "Custom")


@pytest.mark.parametrize("family", [path.name.partition(".")[0] for path in sorted(golden.DATA.glob("*.jsonl.gz"))])
def test_proofs_hold_for_data(family):
    """One case of each recorded operator, along its first two axes."""
    wrong = []
    for case in {case["op"]: case for case in golden.cases(family) if not is_open(case)}.values():
        graph, arrays = separable.network_of(case)
        for axes in separable.batches(graph, arrays):
            if (found := separable.claims(graph, arrays, axes)) is not None:
                wrong += [(case["id"], axes, why) for why in separable.wrong_claims(graph, arrays, *found)]
    assert not wrong, wrong
