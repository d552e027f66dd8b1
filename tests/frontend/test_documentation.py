"""What `help` and `inspect` show of the functions that are made of operators."""

import inspect
import pydoc
from typing import Literal

import pytest

import symc as mx
from symc.errors import ParameterError

S = mx.sym


def test_signatures_have_inputs_parameters_types_and_defaults() -> None:
    signature = inspect.signature(S.Convolution)
    assert list(signature.parameters)[:6] == ["data", "weight", "bias", "kernel", "stride", "dilate"]
    assert signature.parameters["data"].annotation == S.Symbol | None
    assert signature.parameters["num_group"].default == 1
    assert signature.parameters["num_filter"].annotation is int
    assert signature.return_annotation is S.Symbol
    assert inspect.signature(mx.nd.Convolution).return_annotation is mx.nd.NDArray
    act_type = inspect.signature(S.Activation).parameters["act_type"]
    assert act_type.annotation == Literal["relu", "sigmoid", "softrelu", "softsign", "tanh"]


def test_help_says_what_an_operator_takes_and_gives() -> None:
    text = pydoc.render_doc(S.BatchNorm, renderer=pydoc.plaintext)
    for line in ("gamma : Symbol", "moving_mean : Symbol, auxiliary state", "axis : int, default 1",
                 "Symbol: output, mean, var"):
        assert line in text
    assert "act_type : one of relu, sigmoid, softrelu, softsign, tanh, required" in S.Activation.__doc__
    assert "num_args : int, default the number of inputs" in S.Concat.__doc__
    assert "bias : Symbol, not with no_bias" in S.FullyConnected.__doc__


@pytest.mark.parametrize(("call", "message"), [
    (lambda: S.Activation(act_type="relux", name="a"), "node 'a' .*act_type='relux'.*one of relu, .*mean 'relu'"),
    (lambda: S.FullyConnected(num_hiden=3, name="fc"), "node 'fc' .*num_hiden='3'.*did you mean 'num_hidden'"),
    (lambda: S.FullyConnected(name="fc"), "(?s)node 'fc' .*num_hidden is missing.*it is int"),
    (lambda: S.FullyConnected(name="fc", num_hidden="many"), "node 'fc' .*num_hidden='many'.*integer"),
])
def test_errors_name_node_parameter_and_what_is_allowed(call, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        call()


def test_misspelt_operators() -> None:
    with pytest.raises(AttributeError, match="did you mean 'Convolution'"):
        S.Convolutoin  # noqa: B018
