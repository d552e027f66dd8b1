"""Upgrades, against what MXNet 1.9.1 made of the same graphs (tests/data/json/upgrades.json)."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from symc.frontend.legacy import upgrade
from symc.frontend.symbol_json import CURRENT_VERSION, Entry, RawGraph, RawNode, parse

DATA = Path(__file__).parents[1] / "data" / "json"
CASES = {case["name"]: case for case in json.loads((DATA / "upgrades.json").read_text())}


class FewOperators:
    """The inputs of the operators in the cases."""

    NAMES = {"BatchNorm": ["data", "gamma", "beta", "moving_mean", "moving_var"], "SoftmaxOutput": ["data", "label"],
             "FullyConnected": ["data", "weight", "bias"], "Convolution": ["data", "weight", "bias"],
             "LeakyReLU": ["data", "gamma"], "UpSampling": ["data", "weight"]}

    def input_names(self, op: str, attrs: Mapping[str, str]) -> list[str]:
        names = self.NAMES.get(op, [])
        return names[:2] if attrs.get("no_bias") == "True" else names


@pytest.mark.parametrize("name", CASES)
def test_upgrades_as_mxnet_does(name: str) -> None:
    raw, expected = (parse(json.dumps(CASES[name][key])) for key in ("before", "after"))
    found = upgrade(raw, FewOperators())
    for ours, theirs in zip(found.nodes, expected.nodes, strict=True):
        assert ours == theirs
    assert found == expected


def test_added_variables_have_no_place_in_the_file() -> None:
    raw = parse(json.dumps(CASES["batch norm without states"]["before"]))
    assert [node.index for node in upgrade(raw, FewOperators()).nodes] == [0, 1, 2, None, None, 3]


@pytest.mark.parametrize("version", [CURRENT_VERSION, 20000])
def test_new_graphs_are_left_alone(version: int) -> None:
    raw = RawGraph((RawNode("null", "a", {"lr_mult": "1"}), RawNode("BatchNorm", "b", {}, (Entry(0),))), (Entry(1),),
                   version)
    assert upgrade(raw, FewOperators()) is raw


def test_an_unknown_operator_stays_as_it_is() -> None:
    raw = RawGraph((RawNode("null", "a"), RawNode("Strange", "s", {"x_lr_mult": "1"}, (Entry(0),))), (Entry(1),), 800)
    assert upgrade(raw, FewOperators()).nodes == raw.nodes
