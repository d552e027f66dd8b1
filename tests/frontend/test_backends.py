"""MXNet's back ends: known names, and checks of what is given."""

from typing import Any

import pytest

import symc as mx

S = mx.sym


@pytest.fixture
def net() -> mx.Symbol:
    return S.FullyConnected(S.var("x"), num_hidden=10, name="fc")


def test_known_back_ends_give_the_same_network(net: mx.Symbol) -> None:
    for backend in ("default", "MKLDNN", "TensorRT"):
        assert net.get_backend_symbol(backend).tojson() == net.tojson()
        arrays = {"x": mx.nd.zeros((2, 3))}
        assert net.optimize_for(backend, arrays, shape_dict={"fc_bias": (10,)}).tojson() == net.tojson()


def test_unknown_back_ends(net: mx.Symbol) -> None:
    with pytest.raises(mx.MXNetError, match="did you mean 'MKLDNN'"):
        net.get_backend_symbol("MKLDN")
    with pytest.raises(mx.MXNetError, match="TensorRT"):
        net.optimize_for("turbo")
    with pytest.raises(TypeError):
        net.optimize_for(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(("given", "error"), [
    ({"args": [mx.nd.zeros((2, 3))]}, TypeError), ({"args": {"x": 3}}, TypeError), ({"ctx": "cpu"}, TypeError),
    ({"shape_dict": {"x": 3}}, ValueError), ({"type_dict": {"x": "complex64"}}, TypeError),
    ({"stype_dict": {"x": "dense"}}, ValueError), ({"shape_dict": {"x": (2, 3), "fc_weight": (10, 4)}}, mx.MXNetError),
    ({"args": {"x": mx.nd.zeros((2, 3)), "fc_weight": mx.nd.zeros((10, 4))}}, mx.MXNetError),
])
def test_what_is_given_is_checked(net: mx.Symbol, given: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        net.optimize_for("MKLDNN", **given)


def test_contradictions_are_let_pass_on_request(net: mx.Symbol) -> None:
    shapes = {"x": (2, 3), "fc_weight": (9, 9)}
    assert net.optimize_for("MKLDNN", shape_dict=shapes, skip_infer=True).name == "fc"
