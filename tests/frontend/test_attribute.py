"""Scopes of attributes."""

import threading

import pytest

import symc as mx


def test_scopes_add_up_and_inner_ones_win() -> None:
    with mx.AttrScope(__group__="4", ctx_group="a"):
        outer = mx.sym.Variable("outer")
        with mx.AttrScope(__group__="5", __init__="zero"):
            inner = mx.sym.FullyConnected(outer, num_hidden=2, name="fc", attr={"__data__": "x"})
    assert outer.list_attr() == {"__group__": "4", "__ctx_group__": "a", "ctx_group": "a"}
    assert inner.attr("__group__") == "5" and inner.attr("ctx_group") == "a" and inner.attr("__data__") == "x"
    assert inner.get_internals()["fc_weight"].attr("__init__") == "zero"
    assert mx.sym.Variable("after").list_attr() == {}


def test_the_symbols_own_attributes_win() -> None:
    with mx.AttrScope(__a__="scope"):
        assert mx.sym.Variable("x", attr={"__a__": "own"}).attr("__a__") == "own"


def test_values_are_strings() -> None:
    with pytest.raises(ValueError, match="string"):
        mx.AttrScope(a=1)  # type: ignore[arg-type]


def test_scopes_belong_to_their_thread() -> None:
    seen: list[dict[str, str]] = []
    with mx.AttrScope(__a__="1"):
        thread = threading.Thread(target=lambda: seen.append(mx.sym.Variable("x").list_attr()))
        thread.start()
        thread.join()
    assert seen == [{}]


def test_current_is_the_innermost() -> None:
    with mx.AttrScope(__a__="1") as scope:
        assert mx.AttrScope.current is scope
    assert mx.AttrScope.current.get({"k": "v"}) == {"k": "v"}


def test_the_current_scope_can_be_replaced_in_a_thread() -> None:
    seen: list[dict[str, str]] = []

    def run() -> None:
        mx.AttrScope.current = mx.AttrScope(__a__="thread")
        seen.append(mx.sym.Variable("x").list_attr())
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [{"__a__": "thread"}]
    assert mx.sym.Variable("x").list_attr() == {}


def test_eight_threads_compose_in_scopes_of_their_own() -> None:
    found: dict[int, dict[str, dict[str, str]]] = {}
    start = threading.Barrier(8)

    def run(number: int) -> None:
        start.wait()
        with mx.AttrScope(__thread__=str(number)), mx.name.Prefix(f"t{number}_"):
            net = mx.sym.var("x")
            for _ in range(100):
                net = mx.sym.FullyConnected(net, num_hidden=2)
        found[number] = net.attr_dict()
    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, attrs in found.items():
        assert f"t{number}_fullyconnected99" in attrs and len(attrs) == 301
        assert {attr["__thread__"] for attr in attrs.values()} == {str(number)}
