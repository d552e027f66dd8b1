"""`symc verify`: packages beside the graph that they store, their original parameters, and recorded outputs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from symc import compiler, saving
from symc.codegen import build
from symc.codegen.build import host_level
from symc.codegen.lowered import Options
from symc.codegen.shared_weights import SharedWeights
from symc.errors import PackageError, SymcError
from symc.frontend.params import write as write_params
from symc.ir.text import print_graph
from symc.runtime.module import load
from symc.runtime.package import open_package
from symc.verification.stored import stored_graph
from symc.verify import verify_package

NETWORK = """
    %data, %w1, %b1, %w2: ?[*]
    %conv = Convolution(%data, %w1, %b1) kernel=(3,3) num_filter=16
    %act = tanh(%conv)
    %fc = FullyConnected(%act, %w2) num_hidden=6 no_bias=True
    %out = softmax(%fc)
    heads %out
"""
LOOP = """
    %data: f32[5,2,8]
    %parameters, %state: ?[*]
    %rnn = RNN(%data, %parameters, %state) mode=rnn_tanh state_size=8 num_layers=1 state_outputs=True
    heads %rnn, %rnn#1
"""


def parameters():
    draws = np.random.default_rng(0)
    shapes = {"w1": (16, 4, 3, 3), "b1": (16,), "w2": (6, 16 * 36)}
    return {name: (draws.standard_normal(shape) / 8).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def package(graph, tmp_path, monkeypatch):
    """net.symc and net.params in the working folder."""
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path / "net.params", {f"arg:{name}": array for name, array in parameters().items()})
    compile_to(tmp_path, graph(NETWORK))
    return tmp_path / "net.symc"


def compile_to(folder, network, verification=True, train=False, params=None):
    compiler.compile_package(folder / "net.symc", network, params or parameters(), {"data": (2, 4, 8, 8)}, train=train,
                             levels=[host_level()], options=Options(verification=verification))


def test_the_stored_graph_is_read_back(package):
    opened = open_package(package)
    graph = stored_graph(opened)
    assert print_graph(graph) == opened.text("graph.txt")
    assert {node.name for node in graph.nodes if node.is_constant} == {
        buffer.name for buffer in opened.plan.buffers if buffer.kind == "weight"}


def test_a_sound_package(package, call):
    code, out, _ = call("verify", "net.symc")
    assert code == 0 and out.startswith("verification: passed") and "out_output" in out and "right" in out
    code, out, _ = call("verify", "net.symc", "--params", "net.params", "--seed", 5, "--threads", 1, "--json")
    report = json.loads(out)
    assert code == 0 and report["status"] == "passed" and report["seed"] == 5
    assert report["compared"][0]["relative"] < 1e-5 and "parameters" in report["against"]


def test_recorded_outputs(package, call):
    data = np.random.default_rng(4).standard_normal((2, 4, 8, 8)).astype(np.float32)
    (found,) = load(package).forward(data=data)
    np.savez("right.npz", data=data, out_output=found.asnumpy().astype(np.float64))
    np.savez("wrong.npz", out_output=found.asnumpy() + 0.01)
    np.save("data.npy", data)
    assert call("verify", "net.symc", "--against", "right.npz")[0] == 0
    code, out, _ = call("verify", "net.symc", "--against", "wrong.npz", "-i", "data=data.npy")
    assert code == 3 and "different" in out and "each kernel computes what its node" in out


def test_wrong_names_and_shapes(package):
    with pytest.raises(SymcError, match="'other' is neither an input nor an output"):
        verify_package(package, inputs={"other": np.zeros(1)})
    with pytest.raises(SymcError, match=r"(?s)data \(3,\).*compiled for data \(2, 4, 8, 8\)"):
        verify_package(package, inputs={"data": np.zeros(3)})
    with pytest.raises(SymcError, match="no recorded outputs"):
        verify_package(package, against={"data": np.zeros((2, 4, 8, 8))})


def test_a_flipped_bit_in_the_weights(package):
    image = bytearray(package.read_bytes())
    at = image.index(np.ascontiguousarray(open_package(package).weights()[:64]).tobytes())
    image[at] ^= 1
    package.write_bytes(image)
    with pytest.raises(PackageError, match="checksum of weights.bin"):
        verify_package(package)


def test_damaged_weights_with_right_checksums(graph, package, tmp_path, monkeypatch):
    """The stored graph cannot know; the original parameters do, and the node that reads them is named."""
    genuine = SharedWeights.pieces

    def damaged(self):
        largest, _ = max(self.contents, key=lambda piece: piece[1].nbytes)      # of w2
        block = np.concatenate(list(genuine(self)))
        block[largest:largest + 4000] = 63
        yield block
    monkeypatch.setattr(SharedWeights, "pieces", damaged)
    compile_to(tmp_path, graph(NETWORK), verification=False)
    assert verify_package(package).status == "passed"
    found = verify_package(package, "net.params")
    assert found.status == "different" and "'fc' (FullyConnected: " in found.fault and "'conv'" not in found.fault


def test_training(graph, package, tmp_path):
    compile_to(tmp_path, graph(NETWORK), train=True)
    for params in (None, "net.params"):
        found = verify_package(package, params)
        assert found.status == "passed"
        assert {item.name for item in found.differences} == {"out_output", "w1", "b1", "w2"}


def test_loops(graph, tmp_path):
    compiler.compile_package(tmp_path / "net.symc", graph(LOOP), levels=[host_level()])
    assert verify_package(tmp_path / "net.symc").status == "passed"


SETS = [{"data": (2, 4, 8, 8)}, {"data": (3, 4, 8, 8)}]
ANY = {"data": ("N", 4, 8, 8)}


def compile_several(package, graph, shapes, verification=True):
    compiler.compile_package(package, graph(NETWORK), parameters(), shapes, levels=[host_level()],
                             options=Options(slabs=(2, 3), verification=verification))


@pytest.mark.parametrize("shapes", [SETS, ANY])
def test_several_shapes_and_batches_of_any_size(graph, package, call, shapes):
    """Compiling compares all fixed shapes, of a batch the smallest; `symc verify` all plans."""
    compile_several(package, graph, shapes)
    compiled = open_package(package).manifest["verification"]
    assert (compiled["status"], compiled["plan"], compiled["shapes"]) == ("passed", 0, {"data": [2, 4, 8, 8]})
    if shapes is SETS:
        assert [other["status"] for other in compiled["other_plans"]] == ["passed"]
    else:
        assert compiled["plans_not_compared"] == [1]
    assert verify_package(package, "net.params").of_all == "passed"
    code, out, _ = call("verify", "net.symc")
    assert code == 0 and "passed: 2 arrays of 2 plans" in out and "1     data=3,4,8,8  output  out_output" in out
    report = json.loads(call("verify", "net.symc", "--json")[1])
    other, = report["other_plans"]
    assert (other["plan"], other["shapes"], other["status"]) == (1, {"data": [3, 4, 8, 8]}, "passed")
    assert "plans_not_compared" not in report


@pytest.mark.parametrize("shapes", [SETS, ANY])
def test_a_wrong_plan_among_several(graph, package, call, shapes, monkeypatch):
    genuine = build.driver_text

    def halved(plans, *others, **options):
        steps = [step._replace(jobs=step.jobs // 2) if "fc" in step.node else step for step in plans[1].steps]
        return genuine([plans[0], plans[1]._replace(steps=tuple(steps))], *others, **options)
    monkeypatch.setattr(build, "driver_text", halved)
    compile_several(package, graph, shapes, verification=False)
    code, out, _ = call("verify", "net.symc", "--json")
    report = json.loads(out)
    assert (code, report["status"], report["other_plans"][0]["status"]) == (3, "different", "different")
    assert "wrong" not in report["compared"][0] and "wrong" in report["other_plans"][0]["compared"][0]
    assert ("'fc'" if shapes is SETS else "the plan for 3 rows") in report["other_plans"][0]["fault"]
    assert "fault: " in call("verify", "net.symc")[1]


def test_recorded_outputs_are_of_the_plan_that_they_fit(graph, package):
    compile_several(package, graph, SETS)
    data = np.random.default_rng(4).standard_normal((3, 4, 8, 8)).astype(np.float32)
    recorded = {"data": data, "out_output": load(package).forward(data=data)[0].asnumpy()}
    for against in (recorded, {"out_output": recorded["out_output"]}):
        found = verify_package(package, against=against)
        assert (found.plan, found.not_compared) == (1, (0,)) and (found.status == "passed") == ("data" in against)
    found = verify_package(package, inputs={"data": data})
    assert found.inputs and not found.other_plans[0].inputs and found.of_all == "passed"
    with pytest.raises(SymcError, match=r"(?s)data \(5, 4, 8, 8\).*data \(2, 4, 8, 8\); data \(3, 4, 8, 8\)"):
        verify_package(package, inputs={"data": data[[0] * 5]})


def test_packages_that_store_the_first_graph_alone(graph, package, monkeypatch):
    genuine = saving._graphs
    monkeypatch.setattr(saving, "_graphs", lambda network: genuine(network)[:1])
    compile_several(package, graph, SETS)
    assert verify_package(package).not_compared == (1,)
    found = verify_package(package, "net.params")
    assert found.not_compared == () and found.of_all == "passed"
