"""Writes the benchmark networks with real MXNet 1.9.1, under Python 3.8: symbol, parameters, inputs, output, ONNX twin.

usage: python export.py FOLDER [NAME ...]
"""

import os
import sys
import zlib

import mxnet as mx
import numpy as np
import onnx
from mxnet.gluon.model_zoo import vision


def mlp():
    """Two hidden layers on 784 inputs, batch 64."""
    net = mx.sym.Variable("data")
    for number, hidden in enumerate((512, 256), 1):
        net = mx.sym.FullyConnected(net, num_hidden=hidden, name="fc%d" % number)
        net = mx.sym.Activation(net, act_type="relu", name="relu%d" % number)
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc3")
    return mx.sym.softmax(net, name="out"), (64, 784)


def zoo(name):
    """A network of the Gluon model zoo at 224x224, batch 1."""
    net = vision.get_model(name, pretrained=False)
    net.initialize()
    net.hybridize()
    return net(mx.sym.Variable("data")), (1, 3, 224, 224)


NETWORKS = {"mlp": mlp, **{name: (lambda name=name: zoo(name)) for name in (
    "resnet18_v1", "resnet50_v1", "mobilenetv2_1.0", "squeezenet1.1")}}


def parameter(name, shape):
    """Random values by the role that the name tells, the same on every run."""
    random = np.random.RandomState(zlib.crc32(name.encode()) % 2 ** 31)
    if name.endswith(("gamma", "_var")):
        return random.uniform(0.5, 1.5, shape)
    if len(shape) == 1:
        return random.uniform(-0.1, 0.1, shape)
    return random.normal(0, np.sqrt(2.0 / np.prod(shape[1:])), shape)


def export(name, folder):
    """Write one network."""
    symbol, shape = NETWORKS[name]()
    prefix = os.path.join(folder, name)
    shapes, _, aux_shapes = symbol.infer_shape(data=shape)
    named = [("arg", n, s) for n, s in zip(symbol.list_arguments(), shapes) if n != "data"]
    named += [("aux", n, s) for n, s in zip(symbol.list_auxiliary_states(), aux_shapes)]
    values = {(kind, n): mx.nd.array(parameter(n, s).astype("float32")) for kind, n, s in named}
    data = np.random.RandomState(0).uniform(-1, 1, shape).astype("float32")
    arguments = {n: v for (kind, n), v in values.items() if kind == "arg"}
    executor = symbol.bind(mx.cpu(), dict(arguments, data=mx.nd.array(data)), grad_req="null",
                           aux_states={n: v for (kind, n), v in values.items() if kind == "aux"})
    symbol.save(prefix + "-symbol.json")
    mx.nd.save(prefix + "-0000.params", {"%s:%s" % key: value for key, value in values.items()})
    np.savez(prefix + "-io.npz", data=data, out0=executor.forward()[0].asnumpy())
    mx.onnx.export_model(prefix + "-symbol.json", prefix + "-0000.params", [shape], np.float32, prefix + ".onnx")
    drop_weight_inputs(prefix + ".onnx")


def drop_weight_inputs(path):
    """The exporter lists weights as graph inputs, which keeps ONNX Runtime from folding them."""
    model = onnx.load(path)
    weights = {item.name for item in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    onnx.save(model, path)


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for chosen in sys.argv[2:] or NETWORKS:
        export(chosen, sys.argv[1])
        print(chosen, flush=True)
