"""Pictures and tables of networks, compared with what MXNet 1.9.1 gives for the same."""

import builtins
import shutil
import warnings

import numpy as np
import pytest

import symc as mx
from symc.errors import MissingPackageError, MXNetError


def lenet() -> mx.Symbol:
    net = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(5, 5), num_filter=20, name="c1")
    net = mx.sym.Pooling(mx.sym.Activation(net, act_type="tanh", name="t1"), kernel=(2, 2), stride=(2, 2),
                         pool_type="max", name="p1")
    net = mx.sym.FullyConnected(mx.sym.BatchNorm(net, name="bn"), num_hidden=10, name="fc")
    return mx.sym.SoftmaxOutput(net, name="softmax")


PICTURE = """digraph plot {
	data [label=data fillcolor="#8dd3c7" fixedsize=false height=0.8034 shape=oval style=filled width=1.3]
	c1 [label="Convolution
5x5/1, 20" fillcolor="#fb8072" fixedsize=false height=0.8034 shape=box style=filled width=1.3]
	t1 [label="Activation
tanh" fillcolor="#ffffb3" fixedsize=false height=0.8034 shape=box style=filled width=1.3]
	p1 [label="Pooling
max, 2x2/2x2" fillcolor="#80b1d3" fixedsize=false height=0.8034 shape=box style=filled width=1.3]
	bn [label=bn fillcolor="#bebada" fixedsize=false height=0.8034 shape=box style=filled width=1.3]
	fc [label="FullyConnected
10" fillcolor="#fb8072" fixedsize=false height=0.8034 shape=box style=filled width=1.3]
	softmax_label [label=softmax_label fillcolor="#8dd3c7" fixedsize=false height=0.8034 shape=oval style=filled width=1.3]
	softmax [label=softmax fillcolor="#fccde5" fixedsize=false height=0.8034 shape=box style=filled width=1.3]
	c1 -> data [label="1x28x28(float32)" arrowtail=open dir=back]
	t1 -> c1 [label="20x24x24(float32)" arrowtail=open dir=back]
	p1 -> t1 [label="20x24x24(float32)" arrowtail=open dir=back]
	bn -> p1 [label="20x12x12(float32)" arrowtail=open dir=back]
	fc -> bn [label="20x12x12(float32)" arrowtail=open dir=back]
	softmax -> fc [label="10(float32)" arrowtail=open dir=back]
	softmax -> softmax_label [label="(float32)" arrowtail=open dir=back]
}
"""     # noqa: E101, E501, W191


def test_the_picture_is_that_of_mxnet():
    pytest.importorskip("graphviz")
    picture = mx.viz.plot_network(lenet(), shape={"data": (2, 1, 28, 28)}, dtype={"data": np.float32},
                                  node_attrs={"fixedsize": "false"})
    assert picture.source == PICTURE and picture.format == "pdf"


def test_options_of_pictures():
    pytest.importorskip("graphviz")
    picture = mx.visualization.plot_network(lenet(), "net", "svg", hide_weights=False)
    assert picture.name == "net" and picture.format == "svg"
    assert 'c1 -> c1_weight [label=""' in picture.source and "\tc1_weight [" not in picture.source
    with pytest.raises(TypeError, match="symbol must be a Symbol"):
        mx.viz.plot_network("net")


def test_each_output_has_its_own_shape():
    pytest.importorskip("graphviz")
    parts = mx.sym.split_v2(mx.sym.Variable("data"), (2,), axis=1)
    source = mx.viz.plot_network(mx.sym.Concat(parts[0], parts[1], name="c"), shape={"data": (3, 8)}).source
    labels = [line.split("[label=")[1][0] for line in source.splitlines() if "c -> " in line]
    assert labels == ["2", "6"]


def test_nodes_of_the_same_name():
    pytest.importorskip("graphviz")
    net = mx.sym.sin(mx.sym.cos(mx.sym.Variable("x"), name="same"), name="same")
    with pytest.warns(RuntimeWarning, match="multiple variables with the same name.*: same$"):
        mx.viz.plot_network(net)


@pytest.mark.skipif(not shutil.which("dot"), reason="there is no program dot")
@pytest.mark.parametrize("kind", ["svg", "png"])
def test_rendering(tmp_path, kind):
    pytest.importorskip("graphviz")
    assert mx.viz.plot_network(lenet(), save_format=kind).render(str(tmp_path / "net")).endswith(kind)


def test_without_graphviz(monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "graphviz":
            raise ImportError(name)
        return original(name, *args, **kwargs)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackageError, match=r"requires graphviz.*(?s:.)*pip install 'symc\[viz\]'"):
        mx.viz.plot_network(lenet())


@pytest.mark.parametrize("show", [mx.viz.plot_network, mx.viz.print_summary])
def test_what_is_missing_is_named(show):
    net = mx.sym.dot(mx.sym.Variable("left"), mx.sym.Variable("right"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="(?s)shape is incomplete: nothing determines the shape of right"):
            show(net, shape={"left": (2, 3)})
        with pytest.raises(MXNetError, match="no argument 'lefft'"):
            show(net, shape={"lefft": (2, 3)})


ROWS = """\
Layer (type)                  Output Shape        Param #   Previous Layer
data(null)                    1x28x28             0
c1(Convolution)               20x24x24            520       data
t1(Activation)                20x24x24            0         c1
p1(Pooling)                   20x12x12            0         t1
bn(BatchNorm)                 20x12x12            40        p1
fc(FullyConnected)            10                  28810     bn
softmax(SoftmaxOutput)        10                  0         fc
Total params: 29370"""


def test_the_table_is_that_of_mxnet(capsys):
    """But for the layer after an image, of which MXNet sees the channels alone: it counts 210."""
    mx.viz.print_summary(lenet(), {"data": (2, 1, 28, 28)}, 80, [30, 50, 60, 80])
    header, *layers, total = (row.ljust(80) for row in ROWS.splitlines())
    lines = ["_" * 80, header, "=" * 80]
    for layer in layers:
        lines += [layer, ("=" if layer is layers[-1] else "_") * 80]
    assert capsys.readouterr().out.splitlines() == [*lines, total.rstrip(), "_" * 80]


def rows(capsys, net, shape=None) -> dict[str, list[str]]:
    mx.viz.print_summary(net, shape)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    return {line[0]: line[1:] for line in lines if line}


def test_without_shapes(capsys):
    found = rows(capsys, lenet())
    assert found["c1(Convolution)"] == ["20", "data"] and found["bn(BatchNorm)"] == ["0", "p1"]
    assert found["Total"] == ["params:", "30"]


@pytest.mark.parametrize(("net", "shape", "count"), [
    (lambda data: mx.sym.Deconvolution(data, kernel=(2, 2), num_filter=3, name="x"), (1, 3, 8, 8), 36),
    (lambda data: mx.sym.LayerNorm(data, name="x"), (3, 7), 14),
    (lambda data: mx.sym.Embedding(data, input_dim=9, output_dim=2, name="x"), (3,), 18),
    (lambda data: mx.sym.LeakyReLU(data, act_type="prelu", name="x"), (3, 7), 7),
    (lambda data: mx.sym.FullyConnected(data, num_hidden=2, flatten=False, name="x"), (3, 7, 5), 12)])
def test_parameters_of_all_layers_count(capsys, net, shape, count):
    assert rows(capsys, net(mx.sym.Variable("data")), {"data": shape})["Total"] == ["params:", str(count)]


def test_shared_weights_count_once(capsys):
    data, weight = mx.sym.Variable("data"), mx.sym.Variable("w")
    first = mx.sym.FullyConnected(data, weight, num_hidden=6, no_bias=True, name="a")
    found = rows(capsys, mx.sym.FullyConnected(first, weight, num_hidden=6, no_bias=True, name="b"), {"data": (2, 6)})
    assert found["a(FullyConnected)"][1] == found["b(FullyConnected)"][1] == "36" == found["Total"][1]


def test_several_inputs_and_outputs(capsys):
    data = mx.sym.Variable("data")
    left, right = mx.sym.sin(data, name="left"), mx.sym.cos(data, name="right")
    parts = mx.sym.SliceChannel(left + right, num_outputs=2, name="parts")
    mx.viz.print_summary(mx.sym.Group([parts[1], left]), {"data": (2, 6)})
    text = capsys.readouterr().out
    assert "_plus" in text and "\n" + " " * 88 + "right" in text and "parts(SliceChannel)" in text
    mx.viz.print_summary(data)
    with pytest.raises(TypeError, match="symbol must be Symbol"):
        mx.viz.print_summary(7)
