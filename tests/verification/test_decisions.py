"""Detectors in low precision: boxes that a rounding decides are no faults, and faults around them are found."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from symc import compiler
from symc.codegen import build
from symc.codegen.build import host_level
from symc.codegen.lowered import Options
from symc.errors import DifferentError
from symc.ops.families.multibox import MultiBoxDetection
from symc.ops.operator import make
from symc.passes.narrow_factors import NarrowFactors

DETECTOR = """
    %data, %w, %ws, %wb: ?[*]
    %feature = Convolution(%data, %w) kernel=(3,3) pad=(1,1) num_filter=16 no_bias=True
    %relu = relu(%feature)
    %anchors = _contrib_MultiBoxPrior(%relu) sizes=(0.5,0.3)
    %scores = Convolution(%relu, %ws) kernel=(1,1) num_filter=6 no_bias=True
    %rows = reshape(%scores) shape=(0,3,-1)
    %prob = softmax(%rows) axis=1
    %offsets = Convolution(%relu, %wb) kernel=(1,1) num_filter=8 no_bias=True
    %last = transpose(%offsets) axes=(0,2,3,1)
    %flat = Flatten(%last)
    %det = _contrib_MultiBoxDetection(%prob, %flat, %anchors)
    heads %det
"""
FILTERS = {"w": (16, 8, 3, 3), "ws": (6, 16, 1, 1), "wb": (8, 16, 1, 1)}


@pytest.fixture
def record(graph, tmp_path):
    """`record(precision)`: the record of the detector's package; of weights with which bfloat16 decides otherwise."""
    def write(precision="bf16"):
        random = np.random.default_rng(0)
        weights = {name: random.normal(0, 0.4, dims).astype(np.float32) for name, dims in FILTERS.items()}
        compiler.compile_package(tmp_path / "net.symc", graph(DETECTOR), weights, {"data": (2, 8, 7, 7)},
                                 levels=[host_level()], options=Options(precision=precision))
        with zipfile.ZipFile(tmp_path / "net.symc") as archive:
            return json.loads(archive.read("manifest.json"))["verification"]
    return write


def test_decisions_are_compared_with_what_they_read(record):
    found = record()
    assert found["status"] == "passed"
    output, *operands = found["compared"]
    assert output["kind"] == "output" and "chosen by" in output["explained"] and output["relative"] < 1e-6
    assert {one["kind"] for one in operands} == {"operand"} and all(one["relative"] < 0.05 for one in operands)
    assert any(one["name"].startswith("det/multibox_boxes") and one["relative"] > 1e-4 for one in operands)


def test_float32_needs_no_such_excuse(record):
    assert [one["kind"] for one in record("fp32")["compared"]] == ["output"]


def test_wrong_numbers_in_front_of_decisions_are_found(record, monkeypatch):
    """Those of a pass; each step is right then."""
    genuine = NarrowFactors.__call__

    def wrong(self, graph):
        return genuine(self, graph.rewrite(lambda node: replace(node, op=make("abs")).outputs
                                           if node.name == "relu" else None))
    monkeypatch.setattr(NarrowFactors, "__call__", wrong)
    with pytest.raises(DifferentError):
        record()


def test_a_wrong_decision_is_found(record, monkeypatch):
    """One that takes other operators in its place, which then decide as they should."""
    genuine = MultiBoxDetection.rewrite
    monkeypatch.setattr(MultiBoxDetection, "rewrite", lambda op, *given: genuine(
        MultiBoxDetection(nms_threshold=0.3), *given))
    with pytest.raises(DifferentError, match="det"):
        record()


def test_a_kernel_that_decides_for_some_is_found(record, monkeypatch):
    genuine = build.driver_text

    def halved(plans, *others, **options):
        """Of what says which boxes stay; anything may do so without harm."""
        steps = list(plans[0].steps)
        last = max(number for number, step in enumerate(steps) if step.nodes == ("det",) and step.jobs == 2)
        steps[last] = steps[last]._replace(jobs=1)
        return genuine([plans[0]._replace(steps=tuple(steps))], *others, **options)
    monkeypatch.setattr(build, "driver_text", halved)
    with pytest.raises(DifferentError, match="det"):
        record()
