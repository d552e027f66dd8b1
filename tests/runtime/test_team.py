"""The team of the process: its size, its settings, and what a fork leaves of it.  Each test in its own process."""

import os
import subprocess
import sys

import pytest

from symc.errors import SymcError
from symc.runtime.team import set_num_threads

START = """
import os, sys, threading, time
import numpy as np
from symc.runtime import load, num_threads, set_num_threads
from symc.runtime.team import TEAM
module = load(sys.argv[1])
def right():
    return bool((module.forward(data=np.ones(1000))[0].asnumpy() == np.arange(1000) + 2).all())
def threads(expected=None):
    # one that has ended is listed for a moment still
    for _ in range(400):
        found = len(os.listdir("/proc/self/task"))
        if expected in (None, found):
            break
        time.sleep(0.005)
    return found
"""


def run(package_path, text, **environment):
    command = [sys.executable, "-c", START + text, package_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_threads_start_with_the_first_run_and_follow_the_setting(package_path):
    assert run(package_path, """
before = threads()
print(right(), threads(before + 3) - before)
for n in (3, 8, 1, 2):
    set_num_threads(n)
    print(right(), num_threads(), threads(before + n - 1) - before)
""", SYMC_NUM_THREADS="4") == "True 3\nTrue 3 2\nTrue 8 7\nTrue 1 0\nTrue 2 1"


def test_a_fork_makes_a_team_of_its_own(package_path):
    assert run(package_path, """
set_num_threads(3)
right()
parent = TEAM.address
for _ in range(20):
    child = os.fork()
    if not child:
        fine = right() and threads(3) == 3
        set_num_threads(2)
        os._exit(0 if fine and right() and threads(2) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
print(right(), TEAM.address == parent, threads(3))
""") == "True True 3"


def test_a_fork_while_another_thread_runs(package_path):
    assert run(package_path, """
set_num_threads(2)
stop = False
def work():
    while not stop:
        assert right()
worker = threading.Thread(target=work)
worker.start()
for _ in range(20):
    child = os.fork()
    if not child:
        os._exit(0 if right() else 1)
    assert os.waitpid(child, 0)[1] == 0
stop = True
worker.join()
print(right())
""") == "True"


def test_all_libraries_share_one_team(package_path, native, tmp_path):
    from symc.codegen.link import link_shared
    link_shared(native.objects(native.affine(500)), tmp_path / "other.so")
    assert run(package_path, f"""
from symc.runtime.library import Library
set_num_threads(3)
before = threads()
right()
first = TEAM.address
other = Library.load({str(tmp_path / "other.so")!r}, "other")
print(TEAM.address_for(other) == first, threads() - before)
other.team_version = 99
print(TEAM.address_for(other))
""") == "True 2\nNone"


def test_signals_reach_the_main_thread(package_path):
    assert run(package_path, """
import signal, time
set_num_threads(4)
right()
signal.setitimer(signal.ITIMER_REAL, 0.05)
signal.signal(signal.SIGALRM, lambda *_: print("alarm"))
time.sleep(0.2)
""") == "alarm"


def test_the_default_is_all_cores(package_path, monkeypatch):
    monkeypatch.delenv("SYMC_NUM_THREADS", raising=False)
    text = "from symc.runtime.machine import available_cores\nright()\nprint(num_threads() == available_cores())"
    assert run(package_path, text) == "True"


def test_the_environment_must_name_a_number(package_path):
    text = "try:\n    right()\nexcept Exception as error:\n    print(error)"
    assert run(package_path, text, SYMC_NUM_THREADS="many") == \
        "environment variable SYMC_NUM_THREADS is 'many', expected a number of threads from 1 to 1024"


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True, 100000])
def test_refused_numbers(wrong):
    with pytest.raises(SymcError, match="expected a number of threads"):
        set_num_threads(wrong)
