"""Writes the benchmark networks with real MXNet 1.9.1, under Python 3.8.

usage: python export.py FOLDER [NAME ...]

Of each network: NAME-symbol.json; NAME-io.npz with its inputs and, for inference, MXNet's output `out0`; for inference
also NAME-0000.params and NAME.onnx, its twin with the same weights.  Networks that FOLDER has are left alone.
"""

import os
import sys
import zlib

import mxnet as mx
import numpy as np
import onnx
from mxnet.gluon.model_zoo import vision

IMAGE = (3, 224, 224)
WITHOUT_TWIN = ("lstm",)        # MXNet cannot export the fused RNN operator


def dense(net, sizes, activation):
    for number, size in enumerate(sizes, 1):
        net = mx.sym.FullyConnected(net, num_hidden=size, name="fc%d" % number)
        net = mx.sym.Activation(net, act_type=activation, name="activation%d" % number)
    return mx.sym.FullyConnected(net, num_hidden=10, name="scores")


def mlp():
    """Two hidden layers on 784 inputs, batch 64."""
    return mx.sym.softmax(dense(mx.sym.Variable("data"), (512, 256), "relu"), name="out"), {"data": (64, 784)}


def recurrent(batch, inputs, hidden, steps=32, layers=2):
    """A fused LSTM on sequences of 32 steps."""
    state, cell = mx.sym.zeros((layers, batch, hidden)), mx.sym.zeros((layers, batch, hidden))
    out = mx.sym.RNN(mx.sym.Variable("data"), mx.sym.Variable("rnn_parameters"), state, cell, state_size=hidden,
                     num_layers=layers, mode="lstm", name="rnn")
    return out, {"data": (steps, batch, inputs)}


def bert(layers=4, tokens=128, width=512, heads=8, inner=2048, batch=1):
    """Encoder layers of a transformer."""
    def project(value, name, size=width):
        return mx.sym.FullyConnected(value, num_hidden=size, flatten=False, name=name)

    def by_head(value):
        apart = mx.sym.reshape(value, shape=(batch, tokens, heads, width // heads))
        return mx.sym.reshape(mx.sym.transpose(apart, axes=(0, 2, 1, 3)),
                              shape=(batch * heads, tokens, width // heads))

    net = mx.sym.Variable("data")
    for layer in ("layer%d_" % number for number in range(layers)):
        query, key, value = (by_head(project(net, layer + name)) for name in ("query", "key", "value"))
        scores = mx.sym.batch_dot(query, key, transpose_b=True) * (width // heads) ** -0.5
        mixed = mx.sym.reshape(mx.sym.batch_dot(mx.sym.softmax(scores, axis=-1), value),
                               shape=(batch, heads, tokens, width // heads))
        mixed = mx.sym.reshape(mx.sym.transpose(mixed, axes=(0, 2, 1, 3)), shape=(batch, tokens, width))
        net = mx.sym.LayerNorm(net + project(mixed, layer + "mixed"), name=layer + "norm1")
        wide = mx.sym.LeakyReLU(project(net, layer + "wide", inner), act_type="gelu", name=layer + "gelu")
        net = mx.sym.LayerNorm(net + project(wide, layer + "narrow"), name=layer + "norm2")
    return net, {"data": (batch, tokens, width)}


def zoo(name, batch=1, image=IMAGE):
    """A network of the Gluon model zoo."""
    net = vision.get_model(name, pretrained=False)
    net.initialize()
    net.hybridize()
    return net(mx.sym.Variable("data")), {"data": (batch,) + image}


def lenet():
    net = mx.sym.Variable("data")
    for number, filters in enumerate((20, 50), 1):
        net = mx.sym.Convolution(net, kernel=(5, 5), num_filter=filters, name="conv%d" % number)
        net = mx.sym.Activation(net, act_type="tanh", name="tanh%d" % number)
        net = mx.sym.Pooling(net, pool_type="max", kernel=(2, 2), stride=(2, 2), name="pool%d" % number)
    return dense(mx.sym.Flatten(net), (500,), "tanh"), {"data": (64, 1, 28, 28)}


def recurrent_scores():
    out, shapes = recurrent(batch=16, inputs=256, hidden=256)
    rows = mx.sym.reshape(out, shape=(-1, 256), name="rows")
    return mx.sym.FullyConnected(rows, num_hidden=1000, name="scores"), shapes


NETWORKS = {
    "mlp": mlp, "lstm": lambda: recurrent(batch=8, inputs=256, hidden=512), "bert4": bert,
    **{name: (lambda name=name: zoo(name)) for name in (
        "resnet18_v1", "resnet50_v1", "mobilenetv2_1.0", "squeezenet1.1", "densenet121", "vgg11")},
    "inceptionv3": lambda: zoo("inceptionv3", image=(3, 299, 299)),
    **{"%s_b%d" % (name, batch): (lambda name=name, batch=batch: zoo(name, batch))
       for name in ("resnet50_v1", "mobilenetv2_1.0") for batch in (8, 64)},
    **{"bert4_b%d" % batch: (lambda batch=batch: bert(batch=batch)) for batch in (8, 64)}}
TRAINING = {
    "train_mlp": lambda: (dense(mx.sym.Variable("data"), (512, 256), "relu"), {"data": (64, 784)}),
    "train_lenet": lenet, "train_lstm": recurrent_scores,
    "train_resnet18_v1_b8": lambda: zoo("resnet18_v1", 8),
    "train_mobilenetv2_1.0_b8": lambda: zoo("mobilenetv2_1.0", 8),
    "train_resnet50_v1_b4": lambda: zoo("resnet50_v1", 4)}


def parameter(name, shape):
    """Random values by the role that the name tells, the same on every run."""
    random = np.random.RandomState(zlib.crc32(name.encode()) % 2 ** 31)
    if name.endswith(("gamma", "_var")):
        return random.uniform(0.5, 1.5, shape)
    if len(shape) == 1:
        return random.uniform(-0.1, 0.1, shape)
    return random.normal(0, np.sqrt(2.0 / np.prod(shape[1:])), shape)


def export(name, prefix):
    """Write a network for inference."""
    symbol, shapes = NETWORKS[name]()
    found, _, of_states = symbol.infer_shape(**shapes)
    named = [("arg", n, s) for n, s in zip(symbol.list_arguments(), found) if n not in shapes]
    named += [("aux", n, s) for n, s in zip(symbol.list_auxiliary_states(), of_states)]
    values = {(kind, n): mx.nd.array(parameter(n, s).astype("float32")) for kind, n, s in named}
    data = np.random.RandomState(0).uniform(-1, 1, shapes["data"]).astype("float32")
    arguments = {n: v for (kind, n), v in values.items() if kind == "arg"}
    executor = symbol.bind(mx.cpu(), dict(arguments, data=mx.nd.array(data)), grad_req="null",
                           aux_states={n: v for (kind, n), v in values.items() if kind == "aux"})
    out = executor.forward(is_train=False)[0].asnumpy()
    symbol.save(prefix + "-symbol.json")
    mx.nd.save(prefix + "-0000.params", {"%s:%s" % key: value for key, value in values.items()})
    if name not in WITHOUT_TWIN:
        mx.onnx.export_model(prefix + "-symbol.json", prefix + "-0000.params", [shapes["data"]], np.float32,
                             prefix + ".onnx")
        drop_weight_inputs(prefix + ".onnx")
    np.savez(prefix + "-io.npz", data=data, out0=out)


def drop_weight_inputs(path):
    """The exporter lists weights as graph inputs, which keeps ONNX Runtime from folding them."""
    model = onnx.load(path)
    weights = {item.name for item in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    onnx.save(model, path)


def export_training(name, prefix):
    """Write a network with its loss; its parameters are drawn where it is trained."""
    scores, shapes = TRAINING[name]()
    _, (rows,), _ = scores.infer_shape(**shapes)
    random = np.random.RandomState(0)
    mx.sym.SoftmaxOutput(scores, name="softmax").save(prefix + "-symbol.json")
    np.savez(prefix + "-io.npz", data=random.uniform(-1, 1, shapes["data"]).astype("float32"),
             softmax_label=random.randint(0, 10, rows[0]).astype("float32"))


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name in sys.argv[2:] or list(NETWORKS) + list(TRAINING):
        prefix = os.path.join(folder, name)
        if not os.path.exists(prefix + "-io.npz"):
            print("writing", name, file=sys.stderr, flush=True)
            (export_training if name in TRAINING else export)(name, prefix)


if __name__ == "__main__":
    main()
