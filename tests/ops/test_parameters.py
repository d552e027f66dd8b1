"""Operator parameters from MXNet's strings, and what is said about wrong ones."""

from typing import Literal

import pytest

from symc.errors import ParameterError, UnsupportedOperatorError
from symc.ops.operator import find, from_attributes
from symc.ops.parameters import Dims, format_value, hints_of, mxnet_type, parse_value


@pytest.mark.parametrize(("hint", "text", "value"), [
    (int, "3", 3), (int, "-2", -2),
    (float, "1e-3", 0.001), (float, "2.5f", 2.5), (float, "-inf", float("-inf")), (float, "2", 2.0),
    (float, "0.5F", 0.5), (float, "INF", float("inf")),
    (bool, "1", True), (bool, "false", False), (bool, "True", True), (bool, "TRUE", True), (bool, "FALSE", False),
    (tuple[int, ...], " ( 3 , 3 ) ", (3, 3)), (tuple[int, ...], "(3,)", (3,)), (tuple[int, ...], "( )", ()),
    (tuple[int, ...], "(2, 3)", (2, 3)), (tuple[int, ...], "[2,3]", (2, 3)), (tuple[int, ...], "4", (4,)),
    (tuple[int, ...], "(2L, 3L)", (2, 3)), (int | None, "None", None), (int | None, "3", 3), (str, "cpu(0)", "cpu(0)"),
])
def test_values(hint: object, text: str, value: object) -> None:
    assert parse_value(hint, text, "here") == value


@pytest.mark.parametrize(("hint", "text"), [
    (int, "1.5"), (int, "x"), (int, "3L"), (int, "True"), (tuple[int, ...], "3L"), (tuple[int, ...], "True"),
    (tuple[int, ...], "0x10"), (float, "abc"), (float, ""), (bool, "yes"), (bool, "2"), (tuple[int, ...], "(2, 'a')"),
    (int, "1_0"), (float, "1_0"), (float, "1e400"), (tuple[int, ...], "(1_0, 2)"), (tuple[int, ...], "3, 3"),
    (tuple[int, ...], "((3, 3))"), (tuple[int, ...], "None"),
    (tuple[int, ...], "(1, 2"), (tuple[int, ...], "__import__('os')"), (tuple[int, ...], "(" * 5000),
])
def test_wrong_values(hint: object, text: str) -> None:
    with pytest.raises(ParameterError, match="here is not valid"):
        parse_value(hint, text, "here")


@pytest.mark.parametrize(("operator", "attributes", "message"), [
    ("clip", {"a_min": "0"}, "node 'n' .clip.: required parameter a_max is missing"),
    ("Cast", {"dtype": "float128"}, "parameter dtype='float128' is not valid: expected one of bfloat16, bool,"),
    ("_plus_scalar", {"scalar": "abc"}, "parameter scalar='abc' is not valid: expected a number"),
    ("_eye", {}, "required parameter N is missing"),
    ("Activation", {"act_type": "swish"}, "expected one of relu, sigmoid"),
    ("FullyConnected", {"num_hidden": "0"}, "num_hidden='0' is not valid: expected a number at least 1"),
    ("Dropout", {"p": "1.5"}, "p='1.5' is not valid: expected a number from 0 to 1"),
    ("Convolution", {"kernel": "3x3", "num_filter": "1"}, "kernel='3x3' is not valid: expected a tuple of integers"),
    ("clip", {"a_min": "0", "a_max": "1", "b": "2"}, "unknown parameter b='2'\n  parameters are: a_min, a_max"),
])
def test_errors_name_node_and_parameter(operator: str, attributes: dict[str, str], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        from_attributes(operator, attributes, "n")


@pytest.mark.parametrize(("operator", "parameter", "others"), [
    ("Deconvolution", "target_shape", {"kernel": "(2,2)", "num_filter": "1"}), ("Pooling", "kernel", {}),
    ("_contrib_AdaptiveAvgPooling2D", "output_size", {}), ("Dropout", "axes", {}), ("Reshape", "target_shape", {}),
    ("Crop", "h_w", {"num_args": "2"}), ("SpatialTransformer", "target_shape", {
        "transform_type": "affine", "sampler_type": "bilinear"}),
])
def test_none_stands_for_the_default_where_mxnet_takes_it(operator: str, parameter: str, others: dict) -> None:
    assert from_attributes(operator, {parameter: "None", **others}, "n") == from_attributes(operator, others, "n")


@pytest.mark.parametrize(("operator", "parameter"), [
    ("InstanceNorm", "num_groups"), ("InstanceNorm", "output_mean_var"), ("Pooling_v1", "p_value")])
def test_parameters_of_relatives_are_unknown(operator: str, parameter: str) -> None:
    with pytest.raises(ParameterError, match=f"unknown parameter {parameter}='1'"):
        from_attributes(operator, {parameter: "1"}, "n")


def test_unknown_operator() -> None:
    with pytest.raises(UnsupportedOperatorError, match="NoSuchOp is not supported"):
        from_attributes("NoSuchOp", {}, "n")


def test_operators_without_parameters_ignore_attributes_as_mxnet_does() -> None:
    from_attributes("broadcast_maximum", {"axis": "1"}, "n")


def test_user_attributes_are_no_parameters() -> None:
    assert from_attributes("clip", {"a_min": "-1", "a_max": "1", "__lr_mult__": "2"}, "n").parameters() == {
        "a_min": -1.0, "a_max": 1.0}


@pytest.mark.parametrize(("value", "text"), [
    ((2,), "(2,)"), ((2, 3), "(2, 3)"), ((), "()"), (0.5, "0.5"), (True, "True"),
])
def test_values_are_written_as_mxnet_writes_them(value: object, text: str) -> None:
    assert format_value(value) == text


def test_types_as_mxnet_describes_them() -> None:
    hints = (Literal["a", "b"], Literal["a"] | None, bool, Dims | None, float)
    assert list(map(mxnet_type, hints)) == ["{'a', 'b'}", "{None, 'a'}", "boolean", "Shape(tuple) or None", "float"]


def test_hints_of_own_and_inherited_fields() -> None:
    block = find("_winograd_product")
    assert set(hints_of(block)) == {"tile", "rows", "shape", "no_bias", "stride", "pad"}
    assert hints_of(block)["shape"] == Dims
