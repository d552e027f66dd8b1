"""Old models as MXNet 1.9.1 writes them."""

import json
import struct

import numpy as np
import pytest

from symc import interpreter
from symc.errors import SymcError
from symc.frontend import params
from symc.frontend.model_files import find
from symc.loading import load_model
from symc.passes.pipeline import typed
from symc.upgrade import upgrade

# What 0.8 wrote: no states, no version, parameters and attributes apart, keys of users bare.
OLD = {"nodes": [
    {"op": "null", "param": {}, "name": "data", "inputs": [], "backward_source_id": -1},
    {"op": "null", "param": {}, "name": "fc_weight", "inputs": [], "backward_source_id": -1, "attr": {"lr_mult": "2"}},
    {"op": "null", "param": {}, "name": "fc_bias", "inputs": [], "backward_source_id": -1},
    {"op": "FullyConnected", "param": {"no_bias": "False", "num_hidden": "3"}, "name": "fc",
     "inputs": [[0, 0], [1, 0], [2, 0]], "backward_source_id": -1},
    {"op": "null", "param": {}, "name": "bn_gamma", "inputs": [], "backward_source_id": -1},
    {"op": "null", "param": {}, "name": "bn_beta", "inputs": [], "backward_source_id": -1},
    {"op": "BatchNorm", "param": {"eps": "0.01", "fix_gamma": "False"}, "name": "bn",
     "inputs": [[3, 0], [4, 0], [5, 0]], "backward_source_id": -1},
    {"op": "null", "param": {}, "name": "softmax_label", "inputs": [], "backward_source_id": -1},
    {"op": "SoftmaxOutput", "param": {"grad_scale": "1"}, "name": "softmax", "inputs": [[6, 0], [7, 0]],
     "backward_source_id": -1}], "arg_nodes": [0, 1, 2, 4, 5, 7], "heads": [[8, 0]]}
ARRAYS = {"arg:fc_weight": (3, 4), "arg:fc_bias": (3,), "arg:bn_gamma": (3,), "arg:bn_beta": (3,),
          "aux:bn_moving_mean": (3,), "aux:bn_moving_var": (3,)}


def values():
    draws = np.random.default_rng(3)
    return {name: draws.uniform(0.5, 1, shape).astype(np.float32) for name, shape in ARRAYS.items()}


def oldest_form(arrays):
    """A file without magics: shapes of 32-bit extents."""
    data = struct.pack("<QQQ", 0x112, 0, len(arrays))
    for array in arrays.values():
        data += struct.pack(f"<I{array.ndim}Iiii", array.ndim, *array.shape, 1, 0, 0) + array.tobytes()
    return data + struct.pack("<Q", len(arrays)) + b"".join(struct.pack("<Q", len(n)) + n.encode() for n in arrays)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "old-symbol.json").write_text(json.dumps(OLD))
    (tmp_path / "old-0012.params").write_bytes(oldest_form(values()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scores(prefix):
    model = load_model(find(prefix), note=lambda sentence: None)
    graph = typed(model.network, {"data": (2, 4)})
    inputs = model.arrays | {"data": np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4),
                             "softmax_label": np.zeros(2, np.float32)}
    return interpreter.run(graph, inputs).heads[0]


def test_the_oldest_form(folder):
    report = upgrade(find("old"), "new", {}, lambda sentence: None)
    assert report == {
        "symbol": "new-symbol.json", "params": "new-0000.params", "written_by": "MXNet 0.8.0",
        "changes": ["'param' of 3 nodes became 'attrs'", "'attr' of 1 node became 'attrs'",
                    "2 auxiliary states got a variable: bn_moving_mean, bn_moving_var",
                    "attribute lr_mult taken off and attribute __lr_mult__ set: fc_weight",
                    "mxnet_version is 1.9.1 now"]}
    written = json.loads((folder / "new-symbol.json").read_text())
    assert written["attrs"] == {"mxnet_version": ["int", 10901]}
    assert {key for node in written["nodes"] for key in node} == {"op", "name", "inputs", "attrs"}
    assert params.read("new-0000.params").as_dict().keys() == ARRAYS.keys()
    assert (folder / "new-0000.params").read_bytes()[24:28] == struct.pack("<I", params.V2_MAGIC)
    np.testing.assert_array_equal(scores("new"), scores("old"))
    again = upgrade(find("new"), "newer", {}, lambda sentence: None)
    assert again["changes"] == ["none: the files were of this form already"]
    for ending in ("-symbol.json", "-0000.params"):
        assert (folder / f"new{ending}").read_bytes() == (folder / f"newer{ending}").read_bytes()


def test_names_and_leftovers(folder):
    given = {name.partition(":")[2]: array for name, array in values().items()}
    params.write("bare.npz", {f"model_{name}": array for name, array in given.items()} | {"more": np.zeros(1)})
    changes = upgrade(find("old-symbol.json", "bare.npz"), "new", {}, lambda sentence: None)["changes"]
    assert changes[5].startswith("6 parameters were found by names, which differ in their beginning alone")
    assert changes[6:] == ["names of parameters got the prefixes arg: and aux:",
                           "1 array that the network does not use left out: more"]
    np.testing.assert_array_equal(scores("new"), scores("old"))


def test_operators_that_symc_has_not(folder):
    text = (folder / "old-symbol.json").read_text().replace("SoftmaxOutput", "MyLoss")
    (folder / "old-symbol.json").write_text(text)
    changes = upgrade(find("old"), "new", {}, lambda sentence: None)["changes"]
    assert changes[-1].startswith("names of parameters were not compared with the network")
    assert params.read("new-0000.params").as_dict().keys() == ARRAYS.keys()
    assert json.loads((folder / "new-symbol.json").read_text())["node_row_ptr"][-1] == 13


def test_in_its_own_place(folder):
    upgrade(find("old", epoch=12), "old", {}, lambda sentence: None)
    assert sorted(path.name for path in folder.iterdir()) == ["old-0000.params", "old-0012.params", "old-symbol.json"]
    assert json.loads((folder / "old-symbol.json").read_text())["attrs"] == {"mxnet_version": ["int", 10901]}


@pytest.mark.parametrize("name", ["", "models/"])
def test_a_model_needs_a_name(folder, name):
    with pytest.raises(SymcError, match="names no model to write"):
        upgrade(find("old"), name, {}, lambda sentence: None)


@pytest.mark.parametrize("damage", ["truncated", "incomplete", "no such folder", "no room"])
def test_nothing_is_half_written(folder, damage, monkeypatch):
    data = (folder / "old-0012.params").read_bytes()
    if damage == "truncated":
        (folder / "old-0012.params").write_bytes(data[:-40])
    if damage == "incomplete":
        params.write("old-0012.params", dict(list(values().items())[:4]))
    if damage == "no room":
        monkeypatch.setattr("symc.frontend.params._write_list", full)
    before = sorted(folder.iterdir())
    with pytest.raises(SymcError):
        upgrade(find("old"), "nowhere/new" if damage == "no such folder" else "new", {}, lambda sentence: None)
    assert sorted(folder.iterdir()) == before


def full(file, *_):
    file.write(b"some")
    raise OSError(28, "No space left on device")
