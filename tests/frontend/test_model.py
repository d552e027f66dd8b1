"""Checkpoints of symbols and arrays."""

from pathlib import Path

import symc as mx


def test_there_and_back(tmp_path: Path) -> None:
    net = mx.sym.BatchNorm(mx.sym.FullyConnected(num_hidden=2, name="fc"), name="bn")
    prefix = str(tmp_path / "net")
    weights, states = {"fc_bias": mx.nd.array([1, 2], dtype="float16")}, {"bn_moving_var": mx.nd.ones((2,))}
    mx.model.save_checkpoint(prefix, 7, net, weights, states)
    symbol, arguments, auxiliary = mx.model.load_checkpoint(prefix, 7)
    assert symbol.tojson() == net.tojson()
    assert arguments["fc_bias"].asnumpy().tolist() == [1, 2] and arguments["fc_bias"].dtype == weights["fc_bias"].dtype
    assert list(auxiliary) == ["bn_moving_var"]
    assert [list(part) for part in mx.model.load_params(prefix, 7)] == [["fc_bias"], ["bn_moving_var"]]
