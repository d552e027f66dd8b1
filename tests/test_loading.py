"""From what the user names to a graph and its parameters: heads, names, and what is said of them."""

import warnings

import numpy as np
import pytest

import symc
from symc.errors import SymcError, SymcWarning
from symc.frontend import params
from symc.frontend.reader import print_graph
from symc.loading import load_model

# conv, bn and dense blocks of a small residual network, as Gluon's export names them
RESNET = """
    %data: f32[1,4,6,6]
    %net0_conv0_weight, %net0_conv1_weight, %net0_conv2_weight, %net0_dense0_weight, %net0_dense0_bias: ?[*]
    %net0_bn0_gamma, %net0_bn0_beta, %net0_bn0_running_mean, %net0_bn0_running_var: ?[*]
    %net0_bn1_gamma, %net0_bn1_beta, %net0_bn1_running_mean, %net0_bn1_running_var: ?[*]
    %c0 = Convolution(%data, %net0_conv0_weight) num_filter=4 kernel=(3,3) pad=(1,1) no_bias=True
    %b0 = BatchNorm(%c0, %net0_bn0_gamma, %net0_bn0_beta, %net0_bn0_running_mean, %net0_bn0_running_var)
    %r0 = Activation(%b0) act_type=relu
    %c1 = Convolution(%r0, %net0_conv1_weight) num_filter=4 kernel=(3,3) pad=(1,1) no_bias=True
    %b1 = BatchNorm(%c1, %net0_bn1_gamma, %net0_bn1_beta, %net0_bn1_running_mean, %net0_bn1_running_var)
    %c2 = Convolution(%data, %net0_conv2_weight) num_filter=4 kernel=(1,1) no_bias=True
    %sum = elemwise_add(%b1, %c2)
    %fc = FullyConnected(%sum, %net0_dense0_weight, %net0_dense0_bias) num_hidden=3
    heads %fc
"""
SHAPES = {"conv0_weight": (4, 4, 3, 3), "conv1_weight": (4, 4, 3, 3), "conv2_weight": (4, 4, 1, 1),
          "dense0_weight": (3, 144), "dense0_bias": (3,),
          **{f"bn{i}_{role}": (4,) for i in (0, 1) for role in ("gamma", "beta", "running_mean", "running_var")}}
STRUCTURE = {"conv0": "0.body.0", "bn0": "0.body.1", "conv1": "0.body.3", "bn1": "0.body.4", "conv2": "0.downsample.0",
             "dense0": "1"}


def arrays(names):
    """An array for each bare name, under the name that `names` gives it; each with a number of its own."""
    return {names(name): np.full(shape, i, np.float32) for i, (name, shape) in enumerate(SHAPES.items())}


def structural(name):
    layer, _, role = name.partition("_")
    return f"{STRUCTURE[layer]}.{role}"


@pytest.fixture
def loaded(graph):
    """`loaded(arrays)`: the arrays by the network's names, and what was said."""
    def load(given, text=RESNET, **options):
        said = []
        return load_model(graph(text), given, note=said.append, **options), said
    return load


# ---- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names, how", [
    (lambda name: f"net0_{name}", ""), (lambda name: f"arg:net0_{name}", ""),
    (lambda name: f"arg:arg:net0_{name}", "without the prefixes"),
    (lambda name: f"module.net0_{name}", "without the prefixes"),
    (lambda name: f"net1_{name}", "names, which differ in their beginning alone"),
    (lambda name: f"model/resnetv1{name and '0'}_{name}", "names, which differ in their beginning alone"),
    (lambda name: name, "names, which differ in their beginning alone"),
    (lambda name: f"net7_{name}".replace("conv", "conv1").replace("bn", "bn2"), "Gluon's counters began elsewhere"),
    (structural, "order of Gluon's containers")])
def test_names_that_are_found(loaded, names, how):
    model, said = loaded(arrays(names))
    assert {name: model.arrays[f"net0_{name}"].flat[0] for name in SHAPES} == {n: i for i, n in enumerate(SHAPES)}
    assert len(said) == (1 if how else 0) and all(how in sentence for sentence in said)


def test_what_was_renamed_is_said(loaded):
    _, said = loaded(arrays(lambda name: f"net1_{name}"))
    assert said == ["13 parameters were found by names, which differ in their beginning alone: "
                    "net1_conv0_weight → net0_conv0_weight, net1_bn0_gamma → net0_bn0_gamma, "
                    "net1_bn0_beta → net0_bn0_beta, net1_bn0_running_mean → net0_bn0_running_mean, "
                    "net1_bn0_running_var → net0_bn0_running_var and 8 more"]


def test_an_api_call_warns(graph):
    with pytest.warns(SymcWarning, match="13 parameters were found"):
        load_model(graph(RESNET), arrays(lambda name: f"net1_{name}"))


def test_two_assignments_are_none(loaded):
    """Nothing says which of two projections of one shape is which."""
    text = """
        %data: f32[2,4]    %q_weight, %k_weight: ?[*]
        %q = FullyConnected(%data, %q_weight) num_hidden=4 no_bias=True
        %k = FullyConnected(%data, %k_weight) num_hidden=4 no_bias=True
        %y = elemwise_mul(%q, %k)
        heads %y
    """
    given = {"query.weight": np.zeros((4, 4), np.float32), "key.weight": np.ones((4, 4), np.float32)}
    with pytest.raises(SymcError, match=r"these look like Gluon parameter names.*query.weight.*export\('NAME'\)"):
        loaded(given, text)
    twice = {f"{net}_{name}_weight": np.zeros((4, 4), np.float32) for net in "ab" for name in "qk"}
    with pytest.raises(SymcError, match="'q_weight' .* is missing; there is 'b_q_weight', 'a_q_weight'"):
        loaded(twice, text)


def test_shapes_must_agree(loaded):
    given = arrays(structural) | {"0.downsample.0.weight": np.zeros((4, 4, 3, 1), np.float32)}
    with pytest.raises(SymcError, match="'net0_conv0_weight' .* is missing"):
        loaded(given)


def test_states_alone_are_missing(loaded):
    given = {name: array for name, array in arrays(lambda name: f"net0_{name}").items() if "running" not in name}
    with pytest.raises(SymcError, match="lacks the auxiliary states .* alone: it was saved without them"):
        loaded(given)


def test_gluon_names_of_another_network(loaded):
    given = {f"net9_conv{i}_weight": np.zeros(1, np.float32) for i in range(30)}
    with pytest.raises(SymcError, match="these look like Gluon parameter names of another instance"):
        loaded(given)


def test_many_missing_parameters_are_cut_short(loaded):
    text = "\n".join(["%x0: f32[1,2]", *(f"%w{i}: ?[*]\n%x{i + 1} = FullyConnected(%x{i}, %w{i}) num_hidden=2 "
                                          "no_bias=True" for i in range(50)), "heads %x50"])
    with pytest.raises(SymcError, match="(?s)'w19' .* is missing.*and 30 more are missing"):
        loaded({"other": np.zeros(1, np.float32)}, text)


# ---- files ---------------------------------------------------------------------------------------------------------


def test_files_unused_arrays_and_stated_shapes(graph, tmp_path):
    (tmp_path / "net-symbol.json").write_text(print_graph(graph(RESNET.replace("f32[1,4,6,6]", "?[*]"))))
    (tmp_path / "model-shapes.json").write_text('[{"name": "data", "shape": [1, 4, 6, 6]}]')
    params.write(tmp_path / "net-0001.params", arrays(lambda name: f"arg:net0_{name}") | {
        "arg:old": np.zeros(1, np.float32)})
    said = []
    model = load_model(tmp_path, note=said.append)
    assert model.shapes == {"data": (1, 4, 6, 6)} and len(model.arrays) == 14
    assert said[-1] == f"{tmp_path / 'net-0001.params'} holds 1 array that the network does not use: old"
    assert load_model(tmp_path, shapes={"data": (2, 4, 6, 6)}, note=said.append).shapes == {"data": (2, 4, 6, 6)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        out = symc.compile(tmp_path).forward(data=np.zeros((1, 4, 6, 6), np.float32))[0]
    assert out.shape == (1, 3) and len(caught) == 4 and all(item.category is SymcWarning for item in caught)


# ---- heads for training --------------------------------------------------------------------------------------------

DETECTOR = """
    %data: f32[2,4]    %w: ?[*]    %label: ?[*]    %box_label: ?[*]
    %fc = FullyConnected(%data, %w) num_hidden=3 no_bias=True
    %prob = SoftmaxOutput(%fc, %label)
    %distance = elemwise_sub(%fc, %box_label)
    %loss = MakeLoss(%distance)
    %target = MakeLoss(%box_label) grad_scale=0.0
    %found = MakeLoss(%prob) grad_scale=0.0
    %box = BlockGrad(%fc)
    %penalty = MakeLoss(%fc)
    heads %prob, %loss, %target, %found, %box, %penalty
"""
W = {"w": np.ones((3, 4), np.float32)}


def heads(model):
    return [head.node.name for head in model.network.heads]


def test_heads_for_training_are_left_out(loaded):
    model, said = loaded(W, DETECTOR)
    assert heads(model) == ["prob", "found", "box"]
    assert said == ["left out, since they are for training alone: loss_output (reads box_label), target_output "
                    "(reads box_label), penalty_output (a loss); --outputs keeps what it names, a shape for a label "
                    "what reads it"]


@pytest.mark.parametrize("options, kept", [
    ({"outputs": ["loss_output", "fc"]}, ["loss", "fc"]), ({"train": True}, 6),
    ({"shapes": {"box_label": (2, 3)}}, ["prob", "loss", "target", "found", "box"])])
def test_heads_that_are_wanted_stay(loaded, options, kept):
    model, said = loaded(W, DETECTOR, **options)
    assert (heads(model) if isinstance(kept, list) else len(heads(model))) == kept
    assert not any("loss_output" in sentence for sentence in said)


def test_a_loss_alone_stays(loaded):
    model, said = loaded(W, DETECTOR.replace("%prob, %loss, %target, %found, %box, %penalty",
                                                  "%loss, %target"))
    assert heads(model) == ["loss", "target"] and not said


AUTOENCODER = """
    %data: f32[2,4]    %w: ?[*]    %noise: f32[2,3]    %v: ?[*]
    %code = FullyConnected(%data, %w) num_hidden=3 no_bias=True
    %image = FullyConnected(%code, %v) num_hidden=4 no_bias=True
    %drawn = FullyConnected(%noise, %v) num_hidden=4 no_bias=True
    %rebuilt = LinearRegressionOutput(%image, %data)
    heads %rebuilt, %drawn
"""


def test_what_a_prediction_is_made_of_is_no_label(loaded):
    """An autoencoder compares with its own input, whose shape the network may state itself."""
    model, said = loaded({"w": np.ones((3, 4), np.float32), "v": np.ones((4, 3), np.float32)}, AUTOENCODER)
    assert heads(model) == ["rebuilt", "drawn"] and not said


def test_files_without_their_heads_for_training(graph, tmp_path):
    """Operators that only the left out heads need may be unknown."""
    text = print_graph(graph(DETECTOR)).replace('"op": "elemwise_sub"', '"op": "my_distance"')
    (tmp_path / "net.json").write_text(text)
    said = []
    assert heads(load_model(tmp_path / "net.json", W, note=said.append)) == ["prob", "found", "box"] and said


# ---- names of outputs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("from_file", [True, False])
def test_proposed_outputs(graph, tmp_path, from_file):
    text = """
        %data: f32[1,4,6,6]    %w0: ?[*]    %w1: ?[*]
        %conv = Convolution(%data, %w0) num_filter=4 kernel=(3,3) no_bias=True
        %pool1 = Pooling(%conv) global_pool=True kernel=(1,1)
        %flat = Flatten(%pool1)
        %fc1 = FullyConnected(%flat, %w1) num_hidden=3 no_bias=True
        %softmax = softmax(%fc1)
        heads %softmax
    """
    network = graph(text)
    if from_file:
        (tmp_path / "net.json").write_text(print_graph(network))
        network = tmp_path / "net.json"
    with pytest.raises(SymcError) as caught:
        load_model(network, outputs=["flatt"])
    assert "there is no output 'flatt'; did you mean 'flat'?" in str(caught.value)
    assert caught.value.hint == ("the outputs are softmax_output; features in front of the classifier are flat_output, "
                                 "pool1_output, conv_output")


ADDED = """
    %data: f32[2]    %w: ?[*]
    %y = broadcast_add(%data, %w)
    heads %y
"""


def test_the_epoch_is_chosen(graph, tmp_path):
    (tmp_path / "net-symbol.json").write_text(print_graph(graph(ADDED)))
    for epoch in (1, 2):
        params.write(tmp_path / f"net-000{epoch}.params", {"arg:w": np.full(2, epoch, np.float32)})
    prefix, said = tmp_path / "net", []
    for epoch, value in ((None, 2), (1, 1), (2, 2)):
        assert load_model(prefix, note=said.append, epoch=epoch).arrays["w"][0] == value
    assert load_model(tmp_path / "net-symbol.json", note=said.append, epoch=1).arrays["w"][0] == 1
    with pytest.warns(SymcWarning):
        compiled = symc.compile(prefix, None, {"data": (2,)}, epoch=1)
    assert compiled.forward(data=np.zeros(2, np.float32))[0].asnumpy()[0] == 1
    for symbol, given in ((graph(ADDED), None), (prefix, {"w": np.zeros(2, np.float32)})):
        with pytest.raises(SymcError, match="epoch 1 chooses among files of parameters"):
            load_model(symbol, given, epoch=1)
