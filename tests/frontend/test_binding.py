"""What `bind` and `simple_bind` hand on, with a compiler that only records it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import symc as mx
from symc import bound as bound_networks
from symc import compiler
from symc.errors import MXNetError

S, nd = mx.sym, mx.nd
SUM = S.Variable("a") + S.Variable("b")
BN = S.BatchNorm(S.Variable("data"), name="bn")
A, B = nd.ones((2, 3)), nd.zeros((2, 3))


@pytest.fixture(autouse=True)
def bound(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What was handed to `compiler.bind`."""
    calls = SimpleNamespace()

    def bind(graph: Any, ctx: Any, args: Any, args_grad: Any, grad_req: Any, aux_states: Any,
             group2ctx: Any = None) -> Any:
        calls.args, calls.gradients, calls.requests, calls.states = args, args_grad, grad_req, aux_states
        calls.groups = group2ctx
        return SimpleNamespace(arg_dict=args, grad_dict=args_grad, aux_dict=aux_states, forward=lambda: ["outputs"])
    for module in (compiler, bound_networks):
        monkeypatch.setattr(module, "bind", bind)
    return calls


@pytest.mark.parametrize("args", [[A, B], {"b": B, "a": A, "further": A}])
def test_arrays_as_list_and_by_name(bound: Any, args: Any) -> None:
    SUM.bind(mx.cpu(), args)
    assert list(bound.args.items()) == [("a", A), ("b", B)] and bound.args["a"] is A
    assert bound.gradients == {"a": None, "b": None} and bound.states == {}


@pytest.mark.parametrize(("args_grad", "grad_req", "requests"), [
    ([A, None], "add", {"a": "add", "b": "add"}), ({"a": A}, ["write", "null"], {"a": "write", "b": "null"}),
    ({"a": A}, {"a": "add", "other": "write"}, {"a": "add", "b": "null"}),
])
def test_gradients_and_requests(bound: Any, args_grad: Any, grad_req: Any, requests: Any) -> None:
    SUM.bind(mx.cpu(), [A, B], args_grad, grad_req)
    assert bound.gradients == {"a": A, "b": None} and bound.requests == requests


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ({"args": {}}, ValueError, "key `a`, `b` is missing in `args`"),
    ({"args": {"a": A, "bb": B}}, ValueError, "key `b` is missing in `args`; there is `bb`"),
    ({"args": [A]}, ValueError, "1 arrays are given for 2: a, b"), ({"args": (A, B)}, TypeError, "tuple"),
    ({"args": [A, 3]}, TypeError, "`b` in `args`"), ({"args": {"a": A, "b": np.ones(2)}}, TypeError, "`b` in `args`"),
    ({"grad_req": "writ"}, ValueError, "grad_req must be"), ({"grad_req": ["write"]}, ValueError, "1 requests for 2"),
    ({"args_grad": [A]}, ValueError, "args_grad"), ({"ctx": "cpu"}, TypeError, "Context"),
    ({"args_grad": {"a": nd.ones((3,))}}, MXNetError, r"gradient of 'a' is float32\[3\].*float32\[2, 3\]"),
    ({"args_grad": {"a": A.astype("float64")}}, MXNetError, "gradient of 'a' is float64"),
])
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SUM.bind(**{"ctx": mx.cpu(), "args": [A, B], **arguments})


def test_states(bound: Any) -> None:
    arrays = {name: nd.ones((3,)) for name in BN.list_inputs()} | {"data": A}
    with pytest.raises(ValueError, match="aux_states"):
        BN.bind(mx.cpu(), arrays)
    BN.bind(mx.cpu(), arrays, aux_states=arrays)
    assert list(bound.states) == ["bn_moving_mean", "bn_moving_var"]


def test_simple_bind_makes_arrays(bound: Any) -> None:
    BN.simple_bind(mx.cpu(), grad_req={"bn_gamma": "write"}, type_dict={"data": "float16"}, data=(2, 3), label=(2,))
    assert {name: (a.shape, a.dtype) for name, a in bound.args.items()} == {
        "data": ((2, 3), np.float16), "bn_gamma": ((3,), np.float32), "bn_beta": ((3,), np.float32)}
    assert [name for name, a in bound.gradients.items() if a is not None] == ["bn_gamma"]
    assert bound.states["bn_moving_var"].shape == (3,)
    with pytest.raises(RuntimeError, match="'a'"):
        SUM.simple_bind(mx.cpu())
    with pytest.raises(MXNetError, match="csr"):
        SUM.simple_bind(mx.cpu(), a=(2, 3), stype_dict={"a": "csr"})


def test_simple_bind_shares_arrays(bound: Any) -> None:
    first = BN.simple_bind(mx.cpu(), data=(2, 3))
    buffer: dict[str, Any] = {"data": A}
    second = BN.simple_bind(mx.cpu(), shared_arg_names=["bn_gamma"], shared_exec=first, shared_buffer=buffer,
                            data=(2, 3))
    assert second.arg_dict["bn_gamma"] is first.arg_dict["bn_gamma"] and second.arg_dict["data"] is A
    assert second.grad_dict["bn_gamma"] is first.grad_dict["bn_gamma"]
    assert second.aux_dict["bn_moving_var"] is first.aux_dict["bn_moving_var"]
    assert buffer["bn_beta"] is second.arg_dict["bn_beta"] is not first.arg_dict["bn_beta"]
    with pytest.raises(MXNetError, match="'bn_gamma' cannot be shared"):
        BN.simple_bind(mx.cpu(), data=(2, 4), shared_arg_names=["bn_gamma"], shared_exec=first)


def test_eval() -> None:
    assert SUM.eval(a=A, b=B) == ["outputs"]
