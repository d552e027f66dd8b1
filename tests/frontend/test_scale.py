"""Large graphs are composed, inferred, written and read in seconds (of processor time: the machine may be busy)."""

import time
from collections.abc import Callable
from typing import Any

import symc as mx

S = mx.sym


def seconds(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def mixed(count: int) -> mx.sym.Symbol:
    """`count` operators with automatic names and weights."""
    net = data = S.Variable("data")
    for _ in range(count // 8):
        net = S.FullyConnected(net, num_hidden=16)
        active = S.Activation(net, act_type="relu")
        net = S.broadcast_add(S.tanh(S.Dropout((S.BatchNorm(active) + data) * 2.0, p=0.3)), active)
    return net


def normed(net: mx.sym.Symbol) -> mx.sym.Symbol:
    return S.Activation(S.BatchNorm(net, fix_gamma=False), act_type="relu")


def bottleneck(net: mx.sym.Symbol, filters: int, stride: int, widens: bool) -> mx.sym.Symbol:
    first = normed(net)
    inner = S.Convolution(first, kernel=(1, 1), num_filter=filters // 4, no_bias=True)
    inner = S.Convolution(normed(inner), kernel=(3, 3), num_filter=filters // 4, no_bias=True, pad=(1, 1),
                          stride=(stride, stride))
    inner = S.Convolution(normed(inner), kernel=(1, 1), num_filter=filters, no_bias=True)
    if widens:
        net = S.Convolution(first, kernel=(1, 1), num_filter=filters, no_bias=True, stride=(stride, stride))
    return inner + net


def resnet_152() -> mx.sym.Symbol:
    net = S.Convolution(S.Variable("data"), kernel=(7, 7), num_filter=64, stride=(2, 2), pad=(3, 3), no_bias=True)
    net = S.Pooling(normed(net), kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max")
    for stage, units in enumerate((3, 8, 36, 3)):
        for unit in range(units):
            net = bottleneck(net, 256 << stage, 2 if stage and not unit else 1, widens=unit == 0)
    pooled = S.Pooling(normed(net), kernel=(7, 7), global_pool=True, pool_type="avg")
    return S.SoftmaxOutput(S.FullyConnected(S.Flatten(pooled), num_hidden=1000))


def test_ten_thousand_nodes() -> None:
    mixed(80)                                       # the operators' functions are made
    assert min(seconds(lambda: mixed(10_000)) for _ in range(3)) < 3     # a loaded machine takes over 1
    net = mixed(10_000)
    assert seconds(net.list_arguments) < 0.5 and len(net.list_auxiliary_states()) == 2500
    assert seconds(lambda: S.load_json(net.tojson())) < 5
    assert seconds(lambda: net.infer_shape(data=(4, 16))) < 3


def test_inference_of_resnet_152() -> None:
    net = resnet_152()
    assert net.infer_shape(data=(32, 3, 224, 224))[1] == [(32, 1000)]
    assert min(seconds(lambda: net.infer_shape(data=(32, 3, 224, 224))) for _ in range(3)) < 0.2
