"""What a monitor is shown of a run, and the text that shows how a network is run."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import symc as mx

OUTPUTS = ["fc_output", "bn_output", "bn_mean", "bn_var", "dp_output", "dp_mask", "sp_output0", "sp_output1",
           "sum_output", "softmax_output"]
ALL = ["data", "fc_data", "fc_weight", "fc_weight", "fc_bias", "fc_bias", "fc_output", "bn_data", "bn_gamma",
       "bn_gamma", "bn_beta", "bn_beta", "bn_moving_mean", "bn_moving_mean", "bn_moving_var", "bn_moving_var",
       "bn_output", "bn_mean", "bn_var", "dp_data", "dp_output", "dp_mask", "sp_data", "sp_output0", "sp_output1",
       "sum_lhs", "sum_rhs", "sum_output", "softmax_data", "softmax_label", "softmax_label", "softmax_output"]


@pytest.fixture
def network():
    """A network whose operators are fused, with hidden outputs, states, random numbers and a loss."""
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc")
    net = mx.sym.Dropout(mx.sym.BatchNorm(net, fix_gamma=False, name="bn"), name="dp")
    left, right = mx.sym.split(net, num_outputs=2, name="sp")
    return mx.sym.SoftmaxOutput(mx.sym.elemwise_add(left, right, name="sum"), name="softmax")


def bound(network):
    executor = network.simple_bind(mx.cpu(), data=(6, 3))
    generator = np.random.default_rng(1)
    for name, array in executor.arg_dict.items():
        array[:] = generator.normal(size=array.shape) if name != "softmax_label" else np.arange(6) % 2
    executor.aux_dict["bn_moving_var"][:] = 1
    return executor


def watched(executor, monitor_all=False):
    """The list that the names and values of the next runs go to."""
    seen = []
    executor.set_monitor_callback(lambda name, value: seen.append((name, value.asnumpy())), monitor_all)
    return seen


@pytest.mark.parametrize("is_train", [True, False])
@pytest.mark.parametrize("monitor_all, names", [(False, OUTPUTS), (True, ALL)])
def test_names_in_mxnets_order(network, is_train, monitor_all, names):
    executor = bound(network)
    seen = watched(executor, monitor_all)
    executor.forward(is_train=is_train)
    assert [name for name, _ in seen] == names


def test_values_are_right_and_results_the_same(network):
    """With the same random draws as without a monitor, in forward and backward."""
    watching, plain = bound(network), bound(network)
    seen = watched(watching, monitor_all=True)
    for executor in (watching, plain):
        mx.random.seed(5)
        executor.forward(is_train=True)
        executor.backward()
    np.testing.assert_array_equal(watching.outputs[0].asnumpy(), plain.outputs[0].asnumpy())
    for name, gradient in plain.grad_dict.items():
        np.testing.assert_allclose(watching.grad_dict[name].asnumpy(), gradient.asnumpy(), rtol=1e-6, atol=1e-7)
    values = dict(seen)
    dense = values["data"] @ values["fc_weight"].T + values["fc_bias"]
    np.testing.assert_allclose(values["fc_output"], dense, rtol=1e-5)
    np.testing.assert_allclose(values["bn_mean"], dense.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(values["dp_output"], values["bn_output"] * values["dp_mask"], rtol=1e-6)
    assert len(set(values["dp_mask"].ravel())) == 2
    np.testing.assert_allclose(values["sum_output"], values["dp_output"][:, :2] + values["dp_output"][:, 2:], rtol=1e-6)


def test_a_monitor_goes_with_reshape_and_can_be_taken_off(network):
    executor = bound(network)
    seen = watched(executor)
    executor.reshape(data=(2, 3), softmax_label=(2,)).forward()
    assert [name for name, _ in seen] == OUTPUTS and seen[0][1].shape == (2, 4)
    seen.clear()
    executor.set_monitor_callback(None)
    executor.forward()
    assert not seen


def test_inputs_without_a_name_of_their_own():
    executor = mx.sym.LRN(mx.sym.relu(mx.sym.var("x"), name="relu"), nsize=1, name="lrn").simple_bind(
        mx.cpu(), x=(1, 2, 3, 3))
    seen = watched(executor, monitor_all=True)
    executor.forward()
    assert [name for name, _ in seen] == ["x", "relu_input0", "relu_output", "lrn_data", "lrn_output", "lrn_tmp_norm"]


def test_values_without_an_operator(network):
    executor = mx.sym.var("x").bind(mx.cpu(), {"x": mx.nd.ones(2)})
    seen = watched(executor, monitor_all=True)
    np.testing.assert_array_equal(executor.forward()[0].asnumpy(), [1, 1])
    assert not seen


def test_debug_str(network):
    text = bound(network).debug_str()
    assert text.startswith("Symbol Outputs:\n\toutput[0]=softmax(0)\nVariable:data\n")
    assert "Op:BatchNorm, Name=bn\nInputs:\n\targ[0]=fc(0)\n\targ[1]=bn_gamma(0) version=0\n" in text
    assert "Total 0 MB allocated\nMemory: " in text and "Entry backward: " in text


def test_debug_str_tells_what_gradients_take():
    """That of inference where none are asked for, or none arrive: programs read the total."""
    data = mx.sym.var("data")
    for _ in range(4):
        data = data * data

    def total(network, requests):
        text = network.simple_bind(mx.cpu(), data=(1024, 512), grad_req=requests).debug_str()
        return int(text.partition("Total ")[2].partition(" MB allocated")[0])
    assert total(data, "write") >= 2 > total(data, "null") == total(mx.sym.BlockGrad(data), "write") == 0


# ---- mx.monitor ------------------------------------------------------------------------------------------------------


def test_monitor_collects_every_other_batch(network):
    executor, monitor = bound(network), mx.mon.Monitor(2, pattern="fc.*|.*moving_var", sort=True)
    monitor.install(executor)
    found = []
    for _ in range(3):
        monitor.tic()
        executor.forward()
        found.append(monitor.toc())
    assert [[step for step, _, _ in batch] for batch in found] == [[1] * 4, [], [3] * 4]
    assert [name for _, name, _ in found[0]] == ["bn_moving_var", "fc_bias", "fc_output", "fc_weight"]
    assert float(found[0][0][2]) == 1.0


def test_own_statistics_are_logged(network, caplog):
    monitor = mx.monitor.Monitor(1, lambda x: [x.reshape(-1)[:1], x.reshape(-1)[:2]], pattern="softmax_label")
    executor = bound(network)
    monitor.install(executor)
    monitor.tic()
    executor.forward()
    with caplog.at_level(logging.INFO):
        monitor.toc_print()
    assert "softmax_label 0.0\t[0. 1.]" in caplog.text
