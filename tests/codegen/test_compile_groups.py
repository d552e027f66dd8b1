"""Workers: what they are given, how they die, what they leave.  Most here compile nothing: a stand-in generates."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import symc
from symc.codegen import cache, compile_groups
from symc.errors import SymcError
from symc.lowering import Options, prepare
from symc.passes.fuse import Fuse

# in place of the code generator; what it does depends on the operator it finds in the text
STAND_IN = """
import os, signal, sys
from symc.codegen import worker
from symc.codegen.group_code import GroupCode

def compile_group(text, level, name, choice):
    print("libraries print what they like", flush=True)
    os.write(1, b"even from C\\n")
    with open(os.environ["LOG"], "a") as log:
        log.write(f"{os.getpid()} {text.split('= ')[1].split('(')[0]}\\n")
    if "sin(" in text:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "cos(" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if "exp(" in text:
        os._exit(3)
    if "tanh(" in text:
        raise ValueError("no tanh today")
    return GroupCode((), (), name.encode())

worker.compile_group = compile_group
worker.main()
"""


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Stand-in workers, a cache of their own, and the lines they log: process and operator of each task."""
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setattr(compile_groups, "_command", lambda: [sys.executable, "-P", "-c", STAND_IN])
    monkeypatch.setattr(compile_groups, "WORKERS", compile_groups._Workers())
    (tmp_path / "log").touch()
    yield lambda: [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    compile_groups.WORKERS.dismiss_all()


def groups(graph, *operators):
    """A group node of each operator, on its own input."""
    text = [f"%x{i}: f32[4]\n%{name}{i} = {name}(%x{i})" for i, name in enumerate(operators)]
    heads = ", ".join(f"%{name}{i}" for i, name in enumerate(operators))
    return [head.node for head in Fuse()(graph("\n".join([*text, f"heads {heads}"]))).heads]


def test_equal_groups_are_compiled_once(graph, log):
    nodes = groups(graph, "relu", "negative", "relu", "relu")
    seen = []
    code = compile_groups.compile_groups(nodes, ["x86-64-v3"], lambda *counts: seen.append(counts))["x86-64-v3"]
    assert sorted(name for _, name in log()) == ["negative", "relu"]
    assert code[nodes[0]] == code[nodes[2]] != code[nodes[1]]
    assert seen == [("compiling kernels", 1, 2), ("compiling kernels", 2, 2)]


def test_levels_share_the_workers(graph, log):
    (node,) = groups(graph, "relu")
    code = compile_groups.compile_groups([node], ["x86-64-v3", "x86-64-v4"])
    assert list(code) == ["x86-64-v3", "x86-64-v4"] and len(log()) == 2
    assert code["x86-64-v3"][node].object == code["x86-64-v4"][node].object     # of the stand-in: the name


@pytest.mark.parametrize("others, taken", [(3, "c.."), (20, "coo")])
def test_tvm_is_loaded_by_one_worker_unless_there_is_much_for_it(others, taken):
    def task(number: int, is_contraction: bool) -> compile_groups.GroupTask:
        return compile_groups.GroupTask(str(number), "", "x86-64-v3", "k", (), not is_contraction)
    pool = compile_groups._Pool([*(task(i, False) for i in range(others)), task(99, True)], 100, None)
    assert pool._next(loads_tvm=True).needs_tvm
    found = [pool._next(loads_tvm=False) for _ in taken]
    assert "".join("." if task is None else "o" if task.needs_tvm else "c" for task in found) == taken


def test_what_is_cached_starts_no_worker(graph, log, monkeypatch):
    nodes = groups(graph, "relu")
    compile_groups.compile_groups(nodes, ["x86-64-v3"])
    monkeypatch.setattr(compile_groups, "_start_worker", lambda: 1 / 0)
    compile_groups.WORKERS.dismiss_all()
    compile_groups.compile_groups(nodes, ["x86-64-v3"])
    with pytest.raises(ZeroDivisionError):
        compile_groups.compile_groups(nodes, ["x86-64-v4"])


def test_a_worker_that_dies_is_named_and_the_others_go_on(graph, log):
    nodes = groups(graph, "relu", "sin", "cos", "exp", "tanh", "negative")
    with pytest.raises(SymcError) as caught:
        compile_groups.compile_groups(nodes, ["x86-64-v3"])
    lines = sorted(str(caught.value).splitlines())
    assert lines == [
        "  this is a bug of symc; SYMC_DEBUG=1 shows where",
        "the kernel for cos2 (x86-64-v3) failed to compile: the code generator was killed: for want of memory, "
        "or after 300 s",
        "the kernel for exp3 (x86-64-v3) failed to compile: the code generator exited with status 3",
        "the kernel for sin1 (x86-64-v3) failed to compile: the code generator was ended by SIGSEGV",
        "the kernel for tanh4 (x86-64-v3) failed to compile: ValueError: no tanh today"]
    code = compile_groups.compile_groups([nodes[0], nodes[5]], ["x86-64-v3"])["x86-64-v3"]
    assert len(code) == 2 and len(log()) == 6


def test_idle_workers_take_the_next_graph_and_then_leave(graph, log, monkeypatch):
    monkeypatch.setattr(compile_groups._Workers, "PATIENCE", 0.5)
    for operator in ("relu", "negative"):
        compile_groups.compile_groups(groups(graph, operator), ["x86-64-v3"])
    (process,) = {process for process, _ in log()}
    worker = next(iter(compile_groups.WORKERS.idle))
    assert worker.pid == int(process) and worker.wait(timeout=20) == 0
    compile_groups.compile_groups(groups(graph, "abs"), ["x86-64-v3"])
    assert log()[-1][0] != process


def test_one_that_was_started_ahead_takes_the_next_graph(graph, log):
    compile_groups.start_ahead()
    worker = next(iter(compile_groups.WORKERS.idle))
    compile_groups.compile_groups(groups(graph, "relu"), ["x86-64-v3"])
    assert [int(process) for process, _ in log()] == [worker.pid]


def test_one_that_still_loads_tvm_is_not_waited_for(graph, log, monkeypatch):
    monkeypatch.setattr(compile_groups, "SECONDS_TO_END", 0)
    compile_groups.start_ahead()
    worker = next(iter(compile_groups.WORKERS.idle))
    compile_groups.WORKERS.dismiss_all()
    assert worker.poll() == -signal.SIGKILL


@pytest.mark.parametrize("is_there", [False, True])
def test_one_is_started_ahead_where_nothing_was_compiled(graph, log, tmp_path, monkeypatch, is_there):
    if is_there:
        compile_groups.compile_groups(groups(graph, "relu"), ["x86-64-v3"])
    started = []
    monkeypatch.setattr(compile_groups, "start_ahead", lambda: started.append(1))
    prepare(symc.sym.relu(symc.sym.Variable("data")), {}, {"data": (2, 3)}, (), False, "cpu", None, Options())
    assert started == ([] if is_there else [1])


def test_a_worker_that_died_idle_is_not_asked(graph, log):
    compile_groups.compile_groups(groups(graph, "relu"), ["x86-64-v3"])
    worker = next(iter(compile_groups.WORKERS.idle))
    worker.kill()
    worker.wait()
    compile_groups.compile_groups(groups(graph, "abs"), ["x86-64-v3"])
    assert len(log()) == 2


def test_the_cache_is_that_of_the_asking_process(graph, log, tmp_path, monkeypatch):
    compile_groups.compile_groups(groups(graph, "relu"), ["x86-64-v3"])
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path / "another"))
    compile_groups.compile_groups(groups(graph, "relu"), ["x86-64-v3"])
    assert len(list((tmp_path / "another").rglob("kernels/*/*"))) == 1


def test_a_cache_that_cannot_be_written(graph, log, tmp_path, monkeypatch):
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path / "log"))
    with pytest.raises(SymcError, match="kernel cache .* cannot be written"):
        compile_groups.compile_groups(groups(graph, "relu"), ["x86-64-v3"])


def test_a_worker_that_does_not_start(graph, log, monkeypatch):
    monkeypatch.setattr(compile_groups, "_command", lambda: ["/nowhere/python"])
    with pytest.raises(FileNotFoundError):
        compile_groups.compile_groups(groups(graph, "relu"), ["x86-64-v3"])


def test_the_worker_itself():
    """Compiles, answers with one line a task, and ends with its input."""
    task = {"key": "0" * 64, "text": "%y = nonsense()", "level": "x86-64-v3", "name": "k",
            "choice": "", "cache": "/nowhere"}
    line = compile_groups.json.dumps(task) + "\n"
    done = subprocess.run(compile_groups._command(), input=line * 2, capture_output=True, text=True, timeout=60,
                          env=compile_groups._environment())
    answers = [compile_groups.json.loads(answer) for answer in done.stdout.splitlines()]
    assert done.returncode == 0 and len(answers) == 2
    assert answers[0]["key"] == task["key"] and answers[0]["error"] is None
    assert answers[0]["refusal"].startswith("operator nonsense is not supported")


SCRIPT = """
import os, symc
from symc.ir.text import parse_graph
from symc.ops.operator import from_text
graph = parse_graph("%x: f32[3]\\n%y = _mul_scalar(%x) scalar=SCALAR\\nheads %y", from_text)
print(symc.compile(graph).forward(x=[1, 2, 3])[0].asnumpy().tolist(), os.getpid())
"""


def test_a_script_without_main_guard_in_a_folder_of_strange_modules(tmp_path):
    """Workers do not run the user's script, and import nothing from its folder; they end with it."""
    (tmp_path / "script.py").write_text(SCRIPT.replace("SCALAR", "3.5"))
    (tmp_path / "json.py").write_text("raise RuntimeError('mine')")
    (tmp_path / "tvm.py").write_text("raise RuntimeError('mine')")
    environment = os.environ | {"PYTHONPATH": str(Path(symc.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-P", str(tmp_path / "script.py")], cwd=tmp_path, env=environment,
                          capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("[3.5, 7.0, 10.5]"), done.stderr
    assert done.stdout.count("\n") == 1
    assert not _workers_of(int(done.stdout.split()[-1]))


def test_a_forked_process_has_workers_of_its_own(tmp_path):
    script = SCRIPT.replace("SCALAR", "5.5") + textwrap.dedent("""
        child = os.fork()
        graph = parse_graph(f"%x: f32[3]\\n%y = _mul_scalar(%x) scalar={6 if child else 7}\\nheads %y", from_text)
        print(symc.compile(graph).forward(x=[1, 2, 3])[0].asnumpy().tolist(), flush=True)
        if child:
            assert os.waitpid(child, 0)[1] == 0
    """)
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | {"SYMC_CACHE_DIR": str(tmp_path)},
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert {"[6.0, 12.0, 18.0]", "[7.0, 14.0, 21.0]"} <= set(done.stdout.splitlines())


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    script = SCRIPT.replace("SCALAR", "4.5") + textwrap.dedent("""
        import signal, sys
        from symc.codegen.compile_groups import WORKERS
        print(*(worker.pid for worker in WORKERS.idle), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | {"SYMC_CACHE_DIR": str(tmp_path)},
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (worker,) = map(int, done.stdout.splitlines()[-1].split())
    deadline = time.time() + 20
    while _is_alive(worker) and time.time() < deadline:
        time.sleep(0.05)
    assert not _is_alive(worker)


def test_cached_keys_follow_the_text(graph):
    one, other = groups(graph, "relu", "abs")
    keys = {cache.key_of(cache.canonical_text(node.op.graph), "x86-64-v3") for node in (one, other)}
    assert len(keys) == 2


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def _workers_of(parent: int) -> list[str]:
    return [path.name for path in Path("/proc").glob("[0-9]*/stat") if path.read_text().split()[3] == str(parent)]
