"""Attributes under MXNet's spelling and under the one its documents use."""

import json

import pytest

import symc as mx

S = mx.sym


def moody(**kwargs: str) -> mx.Symbol:
    data = S.Variable("data", attr={"mood": "angry"})
    return S.Convolution(data, name="conv", kernel=(1, 1), num_filter=1, attr={"mood": "so so"}, **kwargs)


def test_plain_names_are_read_under_either_spelling_and_saved_hidden() -> None:
    conv = moody()
    assert conv.attr("mood") == conv.attr("__mood__") == "so so"
    saved = {node["name"]: node.get("attrs", {}) for node in json.loads(conv.tojson())["nodes"]}
    assert saved["conv"] == {"__mood__": "so so", "kernel": "(1, 1)", "num_filter": "1"}
    loaded = S.load_json(conv.tojson())
    assert loaded.attr("mood") == loaded.attr("__mood__") == "so so"
    assert loaded.tojson() == conv.tojson()


def test_operators_without_parameters_keep_any_name() -> None:
    assert json.loads(S.sin(S.var("x"), attr={"mood": "good"}).tojson())["nodes"][1]["attrs"] == {"mood": "good"}


def test_an_attribute_called_as_a_parameter_is_it() -> None:
    assert S.FullyConnected(num_hidden=3, attr={"num_hidden": "7"}).attr("num_hidden") == "3"
    with pytest.raises(mx.MXNetError, match="num_hidden"):
        S.FullyConnected(attr={"num_hidden": "many"})


def test_list_attr_of_all_nodes_has_the_users_attributes_alone() -> None:
    with pytest.warns(DeprecationWarning, match="attr_dict"):
        listed = moody().list_attr(recursive=True)
    assert listed == {"data_mood": "angry", "conv_mood": "so so", "conv_weight_mood": "so so",
                      "conv_bias_mood": "so so"}


def test_attr_dict_has_parameters_too() -> None:
    assert moody().attr_dict()["conv"] == {"mood": "so so", "kernel": "(1, 1)", "num_filter": "1"}
    assert moody().attr_dict()["conv_bias"] == moody().attr_dict()["conv"]


def test_attributes_of_one_input() -> None:
    attrs = moody(weight_lr_mult="2", bias_wd_mult="0").attr_dict()
    assert attrs["conv_weight"]["lr_mult"] == attrs["conv_weight"]["__lr_mult__"] == "2"
    assert attrs["conv_bias"]["wd_mult"] == "0"
    assert not {"__lr_mult__", "weight_lr_mult"} & attrs["conv"].keys()
