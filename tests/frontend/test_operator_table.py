"""The table of operators in the documentation."""

import pytest

from symc.frontend.operator_table import FILE, example, table, visible_blocks
from symc.ops.operator import find
from symc.ops.registry import REGISTRY
from symc.passes.measure import gradient_inputs, output_dtypes

BLOCKS = visible_blocks()


def test_the_table_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == table(), "run make generated"


def test_every_operator_has_one_row() -> None:
    rows = [line.split("`")[1] for line in table().splitlines() if line.startswith("| **`")]
    assert sorted(rows) == sorted(block.name for block in BLOCKS) and len(rows) > 300
    assert not [name for name in rows if REGISTRY[name].hidden]


@pytest.mark.parametrize(("name", "inputs"), [
    ("Convolution", ["data", "weight", "bias"]), ("BatchNorm", ["data", "beta"]), ("SoftmaxOutput", ["data"]),
    ("Embedding", ["weight"]), ("take", ["a"]), ("where", ["x", "y"]), ("RNN", ["data", "parameters", "state"]),
    ("BlockGrad", []), ("argmax", []), ("_random_uniform", []), ("Dropout", ["data"]), ("Pooling", ["data"]),
    ("_contrib_boolean_mask", ["data"]), ("dot", ["lhs", "rhs"]), ("LeakyReLU", ["data"]), ("stack", ["arg0", "arg1"])])
def test_inputs_that_get_gradients(name: str, inputs: list[str]) -> None:
    op = example(find(name))
    assert [op.input_names()[i] for i in sorted(gradient_inputs(op))] == inputs


def test_operators_without_gradients() -> None:
    assert gradient_inputs(example(find("_contrib_allclose"))) is None
    assert gradient_inputs(example(find("_slice_assign"))) is None


def test_dtypes() -> None:
    row = {line.split("`")[1]: line.split(" | ")[-1].removesuffix(" |") for line in table().splitlines() if "|" in line
           and "`" in line}
    assert (row["relu"], row["argmax"], row["shape_array"]) == ("any", "any", "any → int64")
    assert (row["_zeros"], row["Cast"], row["sgd_update"]) == ("`dtype`", "any → `dtype`", "float")
    assert all(output_dtypes(op) for block in BLOCKS if (op := example(block)) is not None)
