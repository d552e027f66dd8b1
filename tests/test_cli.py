"""The command line, in this process and as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from symc.cli.options import package_name
from symc.frontend.params import write as write_params
from symc.frontend.reader import print_graph
from tests.command_line import ROOT, process

NETWORK = """
    %data, %w, %b: ?[*]    %label: ?[*]
    %fc = FullyConnected(%data, %w, %b) num_hidden=3
    %r = relu(%fc)
    %softmax = SoftmaxOutput(%r, %label)
    heads %softmax
"""
W = np.arange(12, dtype=np.float32).reshape(3, 4) / 10
DATA = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
COMPILE = ["compile", "net.json", "--params", "net.params", "--shape", "data=2,4", "--cpu", "x86-64-v3"]


@pytest.fixture
def folder(graph, tmp_path, monkeypatch):
    """A folder with net.json, net.params, data.npy and right.npz, to work in."""
    (tmp_path / "net.json").write_text(print_graph(graph(NETWORK)))
    write_params(tmp_path / "net.params", {"arg:w": W, "arg:b": np.zeros(3, np.float32)})
    np.save(tmp_path / "data.npy", DATA)
    scores = np.exp(np.maximum(DATA @ W.T, 0))
    np.savez(tmp_path / "right.npz", softmax_output=scores / scores.sum(1, keepdims=True))
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- models as people have them ------------------------------------------------------------------------------------


def archive_of(folder):
    """net.tar.gz in the folder: what a SageMaker container leaves."""
    (folder / "model-shapes.json").write_text('[{"name": "data", "shape": [2, 4]}]')
    with tarfile.open(folder / "net.tar.gz", "w:gz") as archive:
        for name, inside in (("net.json", "net-symbol.json"), ("net.params", "net-0002.params"),
                             ("model-shapes.json", "model-shapes.json")):
            archive.add(folder / name, inside)


def test_an_archive_is_a_network(folder, call):
    archive_of(folder)
    for command in (["check", "net.tar.gz"], ["inspect", "net.tar.gz!net-symbol.json"]):
        assert call(*command)[0] == 0
    code, out, err = call("compile", "net.tar.gz", "--cpu", "x86-64-v3")
    assert code == 0 and out.startswith("package: net.symc")
    assert err.splitlines() == ["note: the network is net.tar.gz!net-symbol.json",
                                "note: the parameters are those of net.tar.gz!net-0002.params",
                                "note: shapes of inputs are those of net.tar.gz!model-shapes.json, where none are "
                                "given"]
    assert call("run", "net.symc", "-i", "data=data.npy", "--expect", "right.npz")[0] == 0


def test_parameters_beside_the_network(folder, call):
    code, out, err = call("compile", "net.json", "--shape", "data=2,4", "--cpu", "x86-64-v3", "--json")
    assert code == 0 and not err and json.loads(out)["notes"] == ["the parameters are those of net.params"]
    assert json.loads(out)["inputs"] == {"data": ["float32", [2, 4]]}
    code, out, err = call("compile", "net.json", "--params", "none", "--shape", "data=2,4", "--cpu", "x86-64-v3",
                          "--json")
    assert code == 0 and json.loads(out)["inputs"].keys() == {"data", "w", "b"} and "notes" not in json.loads(out)


def test_upgrade(folder, call):
    code, out, err = call("upgrade", "net.json", "-o", "new")
    assert (code, err) == (0, "note: the parameters are those of net.params\n")
    assert out.splitlines()[:2] == ["symbol: new-symbol.json", "params: new-0000.params"]
    code, out, _ = call("compile", "new", "--shape", "data=2,4", "--cpu", "x86-64-v3", "-o", "new.symc")
    assert code == 0 and call("run", "new.symc", "-i", "data=data.npy", "--expect", "right.npz")[0] == 0
    code, _, err = call("upgrade", "net.json", "-o", "nowhere/new")
    assert code == 1 and "cannot write nowhere/new-0000.params" in err


@pytest.mark.parametrize("network, package", [
    ("model.tar.gz", "model.symc"), ("a/b/model.mar", "a/b/model.symc"), ("model/", "model.symc"),
    ("zoo/resnet-1.0", "zoo/resnet-1.0.symc"), ("net-symbol.json", "net-symbol.symc"),
    ("s3://models/net.json", "net.symc"), ("a/model.tar.gz!b/net-symbol.json", "net-symbol.symc")])
def test_the_name_of_a_package(network, package):
    assert str(package_name(network)) == package


# ---- compile, run, inspect -----------------------------------------------------------------------------------------


def test_compile_and_run(folder, call):
    code, out, err = call(*COMPILE, "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["package"] == "net.symc" and report["bytes"] == (folder / "net.symc").stat().st_size
    assert report["inputs"] == {"data": ["float32", [2, 4]]}
    assert report["outputs"] == {"softmax_output": ["float32", [2, 3]]} and report["kernels"] >= 1

    code, out, _ = call("run", "net.symc", "-i", "data=data.npy", "-o", "out.npz", "--expect", "right.npz", "--json")
    report = json.loads(out)
    assert code == 0 and report["written"] == "out.npz" and report["difference"]["softmax_output"] < 1e-5
    np.testing.assert_allclose(np.load("out.npz")["softmax_output"], np.load("right.npz")["softmax_output"], rtol=1e-5)
    assert sorted(path.name for path in folder.iterdir()) == ["data.npy", "net.json", "net.params", "net.symc",
                                                              "out.npz", "right.npz"]


def test_text_output(folder, call):
    code, out, err = call(*COMPILE, "-o", "other.symc")
    assert (code, err) == (0, "") and "package: other.symc\n" in out and "  data: float32[2, 4]\n" in out
    code, out, _ = call("run", "other.symc", "-i", "data=data.npy", "--threads", 1)
    assert code == 0 and out == "outputs:\n  softmax_output: float32[2, 3]\n"


def test_verification(folder, call):
    code, out, _ = call(*COMPILE)
    assert code == 0 and "verification: passed: 1 array, " in out
    code, out, _ = call("verify", "net.symc", "--params", "net.params")
    assert code == 0 and out.startswith("verification: passed")
    code, out, _ = call(*COMPILE, "--no-verify", "--json")
    assert code == 0 and json.loads(out)["verification"]["status"] == "not run"


def test_outputs_and_training(folder, call):
    code, out, _ = call(*COMPILE, "--outputs", "fc_output,r_output", "--json")
    assert code == 0 and list(json.loads(out)["outputs"]) == ["fc_output", "r_output"]
    code, out, _ = call(*COMPILE, "--train", "--json")
    assert code == 0 and set(json.loads(out)["inputs"]) == {"data", "w", "b", "label"}
    code, out, err = call("run", "net.symc", "-i", "data=data.npy")
    assert code == 1 and "no entry 'infer'" in err or "label" in err


def test_dump_print_after_and_time_passes(folder, call):
    code, out, _ = call(*COMPILE, "--dump", "graphs", "--print-after", "fuse", "--time-passes")
    assert code == 0 and "# after fuse\n" in out and "passes:\n" in out and "  fuse: 0." in out
    dumped = sorted(path.name for path in (folder / "graphs").iterdir())
    assert dumped[0] == "00_input.txt" and any(name.endswith("fuse.txt") for name in dumped)
    code, out, err = call(*COMPILE, "--print-after", "nonsense")
    assert code == 1 and "no pass 'nonsense'" in err and "place-parts, fuse" in err


def test_json_stays_json_whatever_is_printed(folder, call):
    code, out, err = call(*COMPILE, "--print-after", "all", "--json")
    assert code == 0 and json.loads(out)["package"] == "net.symc" and "# after fuse\n" in err


def test_precision(folder, call):
    arguments = ("compile", "net.json", "--params", "net.params", "--shape", "data=2,4", "-o", "low.symc")
    code, _, err = call(*arguments, "--precision", "int8")
    assert code == 1 and "fp32 or bf16" in err
    code, _, err = call(*arguments, "--precision", "bf16", "--train")
    assert code == 1 and "inference" in err
    assert call(*arguments, "--precision", "bf16", "--cpu", "x86-64-v3,x86-64-v4-bf16")[0] == 0
    _, out, _ = call("inspect", "low.symc", "--json")
    shown = json.loads(out)
    assert shown["options"] == {"precision": "bf16", "fast_math": False}
    assert shown["targets"] == ["x86-64-v4-bf16", "x86-64-v3"]


def test_inspect(folder, call):
    code, out, _ = call("inspect", "net.json", "--shape", "data=2,4", "--json")
    report = json.loads(out)
    assert code == 0 and report["inputs"] == {"data": "f32[2,4]", "label": "f32[2]"} and report["parameters"] == 15
    assert [layer["layer"] for layer in report["layers"]] == ["fc", "r", "softmax"]
    assert report["operators"] == {"FullyConnected": 1, "relu": 1, "SoftmaxOutput": 1}
    code, out, _ = call("inspect", "net.json")
    assert code == 0 and "fc" in out and "?" in out
    call(*COMPILE)
    code, out, _ = call("inspect", "net.symc", "--json")
    report = json.loads(out)
    assert code == 0 and report["targets"] == ["x86-64-v3"] and report["entries"] == ["infer"]
    assert [name for step in report["steps"] for name in step["nodes"] if "fc" in name]
    assert call("inspect", "net.symc")[0] == 0


def test_fast_math_stands_in_the_package(folder, call):
    for options, fast in (((), False), (("--fast-math",), True)):
        assert call(*COMPILE, *options)[0] == 0
        shown = json.loads(call("inspect", "net.symc", "--json")[1])["options"]
        assert shown == {"precision": "fp32", "fast_math": fast}


@pytest.mark.parametrize("other", [("--train",), ("--precision", "bf16")])
def test_fast_math_is_for_inference_in_float32(folder, call, other):
    code, _, err = call(*COMPILE, "--fast-math", *other)
    assert code == 1 and "fast math is for" in err


def test_all_inputs_in_one_file(folder, call):
    call(*COMPILE)
    np.savez("in.npz", data=DATA)
    assert call("run", "net.symc", "-i", "in.npz")[0] == 0
    np.savez("in.npz", data=DATA, other=DATA)
    code, _, err = call("run", "net.symc", "-i", "data=in.npz")
    assert code == 1 and "holds 2 arrays" in err


# ---- tune ----------------------------------------------------------------------------------------------------------


TUNE = ["tune", "net.json", "--params", "net.params", "--shape", "data=2,4", "--threads", "1"]


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path / "cache"))


def test_tune(folder, call, own_cache):
    code, out, err = call(*TUNE, "--seconds", 60, "--json")
    report = json.loads(out)
    assert (code, err) == (0, "") and report["threads"] == 1 and not report["interrupted"] and not report["failed"]
    (group,) = report["groups"]
    assert group["nodes"][0].startswith("fc") and group["new"] and 0 < group["best_us"] <= group["default_us"]
    assert report["total"] == {name: group[name] for name in ("default_us", "best_us", "gain")}
    assert (report["not_timed"], report["without_choice"]) == (0, 1)

    code, out, err = call(*TUNE)
    assert (code, err) == (0, "") and "groups:\n  default us  best us" in out and "left: 1 group without a" in out
    assert not json.loads(call(*TUNE, "--json")[1])["groups"][0]["new"]
    assert call(*COMPILE)[0] == 0
    shown = json.loads(call("inspect", "net.symc", "--json")[1])["tuned_groups"]
    assert shown == ({report["level"]: 1} if group["choice"] and report["level"] == "x86-64-v3" else {})


def test_tune_without_time(folder, call, own_cache):
    code, out, err = call(*TUNE, "--seconds", 0)
    assert (code, err) == (0, "") and "left: 1 group not timed (out of time; run it again to go on)" in out


def test_tune_interrupted(folder, call, own_cache, monkeypatch):
    from symc.codegen.tune import Tuning

    def interrupt(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr(Tuning, "_time", interrupt)
    code, out, _ = call(*TUNE, "--json")
    report = json.loads(out)
    assert code == 130 and report["interrupted"] and report["not_timed"] == 1


def test_tune_says_what_is_wrong(folder, call, own_cache):
    code, _, err = call(*TUNE, "--shape", "dta=1,2")
    assert code == 1 and err.startswith("symc tune: ") and "'dta'" in err and "'data'" in err
    code, _, err = call(*TUNE, "--train", "--precision", "bf16")
    assert code == 1 and "inference" in err


# ---- what is wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, message", [
    (["compile", "nowhere.json"], "nowhere.json"), (["inspect", "nowhere.json"], "nowhere.json"),
    (["run", "nowhere.symc"], "nowhere.symc"), (["run", "net.json"], "net.json"),
    (["compile", "net.json", "--params", "net.params"], "the shape of 'data'"),
    (["compile", "net.json", "--params", "net.params", "--shape", "data=2,x!"], "not a shape"),
    (["compile", "net.json", "--params", "net.params", "--shape", "data=2,x"], "does not take a batch x"),
    (["compile", "net.json", "--params", "net.params", "--shape", "data=N,4", "--slabs", "8,1"], "ascending"),
    (["compile", "net.json", "--params", "net.params", "--shape", "data=2,-4"], "not a shape"),
    (["compile", "net.json", "--params", "net.params", "--shape", "data"], "NAME=VALUE"),
    (["compile", "net.json", "--params", "net.params", "--shape", "date=2,4"], "no input 'date'; there is 'data'"),
    (["compile", "net.json", "--params", "net.params", "--shape", "data=2,4", "--dtype", "data=f"], "cannot be 'f'"),
    (["compile", "net.json", "--params", "data.npy", "--shape", "data=2,4"], "data.npy"),
    (["compile", "net.params", "--shape", "data=2,4"], "net.params"),
    (["compile", "net.json", "--params", "net.params", "--shape", "data=2,5"], "node 'fc' (FullyConnected, JSON"),
    ([*COMPILE, "--cpu", "z80"], "no CPU level z80"), ([*COMPILE, "--outputs", "nothing"], "nothing"),
    ([*COMPILE, "-o", "no/where.symc"], "cannot write no/where.symc"), ([*COMPILE, "--frobnicate"], "frobnicate"),
    (["nonsense"], "nonsense")])
def test_errors_of_the_user(folder, call, arguments, message):
    before = sorted(folder.iterdir())
    code, out, err = call(*arguments)
    assert (code, out) == (1, ""), err
    assert message in err and "Traceback" not in err
    assert sorted(folder.iterdir()) == before


def test_run_with_wrong_inputs(folder, call):
    call(*COMPILE)
    Path("text.npy").write_text("not an array")
    np.save("small.npy", DATA[:1])
    np.save("objects.npy", np.array([object()]), allow_pickle=True)
    np.savez("wrong.npz", softmax_output=np.zeros((2, 3)))
    np.savez("other.npz", other=np.zeros((2, 3)))
    np.savez("shape.npz", softmax_output=np.zeros((3, 2)))
    for inputs, message in ((["-i", "data=text.npy"], "cannot read text.npy"), ([], "'data' is missing"),
                            (["-i", "data=small.npy"], "shape (1, 4)"), (["-i", "data=objects.npy"], "objects.npy"),
                            (["-i", "date=data.npy"], "no input 'date'"), (["-i", "data=no.npy"], "cannot read no.npy"),
                            (["-i", "data=data.npy", "--expect", "other.npz"], "softmax_output"),
                            (["-i", "data=data.npy", "--expect", "no.npz"], "no.npz"),
                            (["-i", "data=data.npy", "--expect", "text.npy"], "text.npy"),
                            (["-i", "data=data.npy", "-o", "no/where.npz"], "no/where.npz")):
        code, _, err = call("run", "net.symc", *inputs)
        assert code == 1 and message in err and "Traceback" not in err, (inputs, err)
    for name, message in (("wrong.npz", "softmax_output by "), ("shape.npz", "has shape (2, 3), expected (3, 2)")):
        code, _, err = call("run", "net.symc", "-i", "data=data.npy", "--expect", name)
        assert code == 3 and message in err


def test_nan_differs(folder, call):
    call(*COMPILE)
    np.save("nan.npy", np.full_like(DATA, np.nan))
    assert call("run", "net.symc", "-i", "data=nan.npy", "--expect", "right.npz")[0] == 3
    call("run", "net.symc", "-i", "data=nan.npy", "-o", "nan.npz")
    assert call("run", "net.symc", "-i", "data=nan.npy", "--expect", "nan.npz")[0] == 0


def test_unsupported_operators(folder, call):
    Path("strange.json").write_text(Path("net.json").read_text().replace('"relu"', '"Frobnicate"'))
    code, out, err = call("compile", "strange.json", "--params", "net.params", "--shape", "data=2,4")
    assert (code, out) == (2, "") and "Frobnicate" in err and "'r'" in err
    assert call(*["compile", "strange.json", *COMPILE[2:], "--outputs", "fc_output"])[0] == 0


def test_a_package_that_was_there_stays_when_compiling_fails(folder, call):
    Path("net.symc").write_text("old")
    assert call(*COMPILE, "--shape", "date=1")[0] == 1
    assert Path("net.symc").read_text() == "old"


def test_a_bug_is_a_bug(folder, call, monkeypatch):
    from symc import lowering

    monkeypatch.setattr(lowering, "prepare", lambda *_, **__: 1 / 0)
    code, out, err = call(*COMPILE)
    assert (code, out) == (70, "") and "ZeroDivisionError" in err and "bug of symc" in err


def test_debug_shows_traces(folder, call, monkeypatch):
    monkeypatch.setenv("SYMC_DEBUG", "1")
    code, _, err = call("inspect", "nowhere.json")
    assert code == 1 and "Traceback" in err


# ---- as a process --------------------------------------------------------------------------------------------------


def test_help_and_usage(folder):
    done = process("--help", folder=folder)
    assert done.returncode == 0 and "compile" in done.stdout and "Exit codes" in done.stdout
    done = process(folder=folder)
    assert done.returncode in (0, 1) and "compile" in done.stdout + done.stderr


def test_silent_when_piped(folder):
    done = process(*COMPILE, "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and json.loads(done.stdout)["package"] == "net.symc"


def test_a_reader_that_leaves_early_is_no_bug(folder):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "symc", "inspect", "net.json"], cwd=folder, stdout=writer, text=True,
                          stderr=subprocess.PIPE, timeout=120, env=os.environ | {"PYTHONPATH": ROOT})
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_broken_compiler_is_reported_with_70(folder):
    done = process(*COMPILE, folder=folder, SYMC_CACHE_DIR=str(folder / "cache"), PATH="/nowhere")
    assert done.returncode == 1 and "no linker" in done.stderr and not (folder / "net.symc").exists()


# ---- check ---------------------------------------------------------------------------------------------------------


def test_check(folder, call):
    code, out, err = call("check", "net.json", "--train")
    assert (code, err) == (0, "") and "supported: yes\n" in out and "\n  FullyConnected  1 " in out
    (folder / "odd.json").write_text((folder / "net.json").read_text().replace('"relu"', '"_contrib_fft"'))
    code, out, err = call("check", "odd.json", "--json")
    report = json.loads(out)
    assert (code, err) == (2, "") and report["possible_outputs"] == ["fc_output"]
    assert [row["operator"] for row in report["problems"]] == ["_contrib_fft"]
    code, out, _ = call("check", "odd.json", "--outputs", "fc_output")
    assert code == 0 and "_contrib_fft, needed for nothing by r: MXNet has it for GPUs only" in out
    (folder / "wrong.json").write_text((folder / "net.json").read_text().replace("num_hidden", "num_hiden"))
    code, out, _ = call("check", "wrong.json")
    assert code == 1 and "did you mean 'num_hidden'?" in out
    code, out, err = call("check", "nowhere.json")
    assert (code, out) == (1, "") and err.startswith("symc check: ")


# ---- bench ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_probes(monkeypatch):
    monkeypatch.setattr("symc.runtime.peak.MEMORY", 2**20)
    monkeypatch.setattr("symc.runtime.peak.ROUNDS", 1000)


def test_bench(folder, call, small_probes):
    call(*COMPILE)
    code, out, err = call("bench", "net.symc", "--repeats", 4, "--warmup", 1, "--threads", 1, "--json")
    report = json.loads(out)
    assert (code, err) == (0, "") and (report["runs"], report["warmup"], report["threads"]) == (4, 1, 1)
    assert report["inputs"] == {"data": ["float32", [2, 4]]} and report["level"] == "x86-64-v3"
    contraction = next(row for row in report["steps"] if row["flops"])
    assert contraction["flops"] == report["flops"] == 2 * 2 * 3 * 4
    assert any(name.startswith("fc@") for name in contraction["nodes"])
    code, out, _ = call("bench", "net.symc", "-i", "data=data.npy", "--seconds", 0, "--top", 1)
    assert code == 0 and "milliseconds: min " in out and " of 5 runs\n" in out and " GFLOP/s" in out
    assert out.rstrip().count("\n") - out[:out.index("slowest steps:")].count("\n") == 2    # a title and one step


def test_bench_of_training(folder, call, small_probes):
    call(*COMPILE, "--train", "--shape", "label=2")
    code, out, _ = call("bench", "net.symc", "--repeats", 2)
    assert code == 0 and " of 2 training steps\n" in out
    code, out, _ = call("bench", "net.symc", "--repeats", 2, "--json")
    assert json.loads(out)["entries"] == ["forward", "backward"]


@pytest.mark.parametrize("arguments, message", [
    (["nowhere.symc"], "nowhere.symc"), (["net.json"], "net.json"), (["net.symc", "--repeats", 0], "--repeats"),
    (["net.symc", "--threads", -1], "threads"), (["net.symc", "-i", "date=data.npy"], "no input 'date'"),
    (["net.symc", "-i", "data=right.npz"], "shape (2, 3)"), (["net.symc", "-i", "data=no.npy"], "cannot read no.npy")])
def test_bench_with_wrong_arguments(folder, call, arguments, message):
    call(*COMPILE)
    code, out, err = call("bench", *arguments)
    assert (code, out) == (1, "") and message in err and "Traceback" not in err
