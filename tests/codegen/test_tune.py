"""Records of tuning, who makes them, and who uses them.  A stand-in times; the real one is in test_time_choices.py."""

import math
import signal
import sys

import pytest

import symc
from symc import compiler
from symc.codegen import cache, compile_groups, tune, tuned
from symc.codegen.build import host_level
from symc.codegen.choice import MODEL, Choice
from symc.passes.fuse import Fuse

RECORD = tuned.Record("tile1", 1, 3e-6, 2e-6, 5)
LEVEL = "x86-64-v3"

# what it does depends on the width of the product
STAND_IN = """
import os, signal
from symc.codegen import worker

def time_group(text, level, threads):
    with open(os.environ["LOG"], "a") as log:
        log.write(text.split("num_hidden=")[1].split()[0] + "\\n")
    if "num_hidden=13" in text:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "num_hidden=15" in text:
        raise ValueError("no clock today")
    if "num_hidden=17" in text:
        os.kill(os.getppid(), signal.SIGINT)
        signal.pause()
    return {"choice": "tile1", "threads": threads, "default": 3e-6, "best": 2e-6, "choices": 5}

worker.time_group = time_group
worker.main()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Stand-in workers, and the widths of the products that they timed."""
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setattr(compile_groups, "_command", lambda: [sys.executable, "-P", "-c", STAND_IN])
    workers = compile_groups._Workers()
    monkeypatch.setattr(tune, "WORKERS", workers)
    (tmp_path / "log").touch()
    yield lambda: [int(line) for line in (tmp_path / "log").read_text().splitlines()]
    workers.dismiss_all()


def network(graph, *widths):
    """Products of these widths, and a group that is none."""
    lines = [f"%x{i}: f32[4,8]\n%w{i}: f32[{n},8]\n%y{i} = FullyConnected(%x{i}, %w{i}) num_hidden={n} no_bias=True"
             for i, n in enumerate(widths)]
    heads = ", ".join(f"%y{i}" for i in range(len(widths)))
    return graph("\n".join([*lines, "%v: f32[4]\n%s = exp(%v)", f"heads {heads}, %s"]))


def tuning(graph, *widths):
    fused = Fuse()(network(graph, *widths))
    return tune.tuning_of([node for node in fused.nodes if node.op is not None])


def widths_of(groups):
    return [int(group.text.split("num_hidden=")[1].split()[0]) for group in groups]


# ---- records -------------------------------------------------------------------------------------------------------


def test_a_record_is_found():
    assert tuned.find("text", LEVEL) is None and tuned.choice_of("text", LEVEL) == MODEL
    tuned.keep("text", LEVEL, RECORD)
    assert tuned.find("text", LEVEL) == RECORD and tuned.choice_of("text", LEVEL) == Choice(1)
    assert tuned.find("text", "x86-64-v4") is None and tuned.find("other", LEVEL) is None


def test_a_record_is_of_one_kind_of_cpu(monkeypatch):
    tuned.keep("text", LEVEL, RECORD)
    monkeypatch.setattr(tuned, "_own_cpu", lambda: "another")
    assert tuned.find("text", LEVEL) is None


def test_a_record_expires_with_the_generators(monkeypatch):
    tuned.keep("text", LEVEL, RECORD)
    monkeypatch.setattr(cache, "_versions", lambda: ("changed",))
    assert tuned.find("text", LEVEL) is None


def test_a_damaged_record_counts_as_absent(folder):
    tuned.keep("text", LEVEL, RECORD)
    (path,) = [path for path in folder.rglob("tuned/*/*") if path.is_file()]
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole.replace(b"tile1", b"tile2"), b"{}"):
        path.write_bytes(damaged)
        assert tuned.find("text", LEVEL) is None and tuned.choice_of("text", LEVEL) == MODEL


# ---- making them ---------------------------------------------------------------------------------------------------


def test_the_most_work_comes_first_and_equal_groups_are_one(graph, log):
    found, seen = tuning(graph, 16, 32, 16, 16, 64), []
    assert [len(group.nodes) for group in found.groups] == [1, 3, 1] and found.others == 1
    found.run([LEVEL], 1, math.inf, lambda *counts: seen.append(counts))
    assert log() == widths_of(found.groups) == [64, 16, 32]
    assert seen == [("timing kernels", done, 3) for done in range(3)] and all(group.is_new for group in found.groups)


def test_a_second_run_goes_on(graph, log):
    first = tuning(graph, 16, 32)
    first.run([LEVEL, "x86-64-v4"], 1, 0)
    assert not log() and not any(group.record for group in first.groups)
    tuning(graph, 32).run([LEVEL, "x86-64-v4"], 1, math.inf)
    second = tuning(graph, 16, 32)
    second.run([LEVEL, "x86-64-v4"], 1, math.inf)
    assert log() == [32, 16] and [group.is_new for group in second.groups] == [False, True]
    assert tuned.find(second.groups[0].text, "x86-64-v4") == second.groups[0].record


def test_other_numbers_of_threads_are_timed_anew(graph, log):
    for threads in (1, 2, 2):
        tuning(graph, 16).run([LEVEL], threads, math.inf)
    assert log() == [16, 16]


def test_a_worker_that_dies_and_a_group_that_fails(graph, log):
    found = tuning(graph, 16, 15, 13, 12)
    found.run([LEVEL], 1, math.inf)
    assert [group.problem for group in found.groups] == [
        None, "ValueError: no clock today", "the code generator was ended by SIGSEGV", None]
    assert [group.record is not None for group in found.groups] == [True, False, False, True]


@pytest.fixture
def interruptible():
    """Ctrl-C raises also where the tests run in the background of a shell, which lets its jobs ignore it."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


def test_an_interrupt_keeps_what_was_found(graph, log, interruptible):
    found = tuning(graph, 18, 17, 16)
    found.run([LEVEL], 1, math.inf)
    assert found.interrupted and log() == [18, 17] and not compile_groups.WORKERS.idle
    assert tuned.find(found.groups[0].text, LEVEL) and not tuned.find(found.groups[1].text, LEVEL)


# ---- using them ----------------------------------------------------------------------------------------------------


def names_of(plan):
    return sorted(kernel.name.partition("_")[2] for kernel in plan.kernels)


def tuned_network(graph):
    """A network, one of whose two products has a record."""
    source = network(graph, 32, 48)
    lowered, = compiler.prepare(source, None, None, (), False, "cpu", None, compiler.Options()).lowered
    found = tune.tuning_of(compiler.groups_of(lowered))
    tuned.keep(found.groups[0].text, LEVEL, RECORD)
    tuned.keep(found.groups[0].text, host_level(), RECORD)
    return source


def test_what_is_compiled_uses_the_record(graph):
    draws = symc.nd.array(range(32)).reshape((4, 8)) / 32
    given = {"x0": draws, "x1": draws, "w0": symc.nd.ones((32, 8)) / 3, "w1": symc.nd.ones((48, 8)) / 7,
             "v": symc.nd.ones((4,))}
    plain = symc.compile(network(graph, 32, 48))
    module = symc.compile(tuned_network(graph))
    assert names_of(plain.plan) == ["0", "0", "0"] and not plain.unit.tuned
    assert names_of(module.plan) == ["0", "0", "tile1_0"] and module.unit.tuned == {host_level(): 1}
    for one, other in zip(plain.forward(**given), module.forward(**given), strict=True):
        symc.test_utils.assert_almost_equal(one, other, rtol=1e-5)


def test_equal_records_give_equal_packages(graph, tmp_path, monkeypatch):
    packages = []
    for name in ("one", "other"):
        monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path / name))
        unit, = compiler.compile_package(tmp_path / f"{name}.symc", tuned_network(graph), levels=[LEVEL, "x86-64-v4"])
        packages.append((tmp_path / f"{name}.symc").read_bytes())
        assert dict(unit.tuned) == {LEVEL: 1}
    assert packages[0] == packages[1]
