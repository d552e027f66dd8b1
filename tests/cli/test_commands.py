"""What all commands have in common: help, JSON, exit codes, completion, silence when piped."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import symc
from symc import cli
from symc.frontend.params import write as write_params
from symc.frontend.reader import print_graph
from tests.command_line import ROOT, process

NETWORK = """
    %data, %w, %b: ?[*]    %label: ?[*]
    %fc = FullyConnected(%data, %w, %b) num_hidden=3
    %softmax = SoftmaxOutput(%fc, %label)
    heads %softmax
"""
SHAPE = ("--shape", "data=1,3,4,4")
# of RFC 8410, section 10.3
KEY = ("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
       "-----END PRIVATE KEY-----\n")
PUBLIC_KEY = ("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
              "-----END PUBLIC KEY-----\n")
CALLS = {
    "check": ("net.json",), "compile": ("net.json", *SHAPE, "--cpu", "x86-64-v3", "-o", "new.symc"),
    "verify": ("net.symc",), "run": ("net.symc", "-i", "black.png", "--top", 2, "--labels", "labels"),
    "bench": ("net.symc", "--repeats", 1), "inspect": ("net.symc",), "package": ("net.symc", "--format", "c"),
    "sign": ("net.symc", "--key", "key.pem"),
    "upgrade": ("net.json", "-o", "new"), "tune": ("net.json", *SHAPE, "--seconds", 0),
    "export": ("net.json", *SHAPE, "--to", "relax"),
}


@pytest.fixture
def folder(graph, tmp_path, monkeypatch, call):
    """A folder with a network, its package, an image and labels, to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("symc.runtime.peak.MEMORY", 2**20)
    monkeypatch.setattr("symc.runtime.peak.ROUNDS", 1000)
    (tmp_path / "net.json").write_text(print_graph(graph(NETWORK)))
    write_params(tmp_path / "net.params", {"arg:w": np.ones((3, 48), np.float32), "arg:b": np.float32([1, 3, 2])})
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save("black.png")
    (tmp_path / "labels").write_text("n01440764 tench, Tinca tinca\nn01443537 goldfish\nshark\n")
    (tmp_path / "key.pem").write_text(KEY)
    assert call("compile", "net.json", *SHAPE, "--cpu", "x86-64-v3", "--no-verify")[0] == 0
    return tmp_path


def words(text):
    """The words of help, without its frames."""
    return re.sub(r"[\s│]+", " ", re.sub(r"\x1b\[[0-9;]*m", "", text))


def test_every_command_is_called_here():
    assert tuple(CALLS) == cli.COMMANDS


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_has_an_example(command, call):
    code, out, err = call(command, "--help")
    assert (code, err) == (0, "")
    assert f"Example: symc {command} " in words(out) and "--json" in out


def test_help_lists_commands_in_the_order_of_use(tmp_path):
    done = process("--help", folder=tmp_path)
    listed = re.findall(r"^│ ([a-z]+) +[A-Z]", done.stdout, re.MULTILINE)
    assert done.returncode == 0 and tuple(listed) == cli.COMMANDS
    assert "130 interrupted" in words(done.stdout)


def test_version(call):
    assert call("--version") == (0, f"symc {symc.__version__}\n", "")


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_json_is_alone_on_standard_output(command, folder, call):
    code, out, err = call(command, *CALLS[command], "--json")
    assert code == 0, err
    assert isinstance(json.loads(out, parse_constant=pytest.fail), dict)
    code, out, _ = call(command, "nowhere.json", *CALLS[command][1:], "--json")
    assert (code, out) == (1, "")


def test_packages_are_signed_as_they_are_compiled(folder, call):
    code, out, err = call("compile", "net.json", *SHAPE, "--cpu", "x86-64-v3", "--no-verify", "--sign", "key.pem")
    assert code == 0 and "signature: net.symc.sig" in out, err
    (folder / "pub.pem").write_text(PUBLIC_KEY)
    for command in (*CALLS["run"], "run"), (*CALLS["inspect"], "inspect"), (*CALLS["verify"], "verify"):
        assert call(command[-1], *command[:-1], "--trust", "pub.pem")[0] == 0
    (folder / "net.symc.sig").unlink()
    assert call("bench", *CALLS["bench"], "--trust", "pub.pem") == (
        1, "", "symc bench: package net.symc has no signature: there is no net.symc.sig\n"
               "  sign it with symc sign, or load it without --trust\n")
    code, _, err = call("compile", "net.json", *SHAPE, "--sign", "labels", "-o", "other.symc")
    assert code == 1 and "labels holds no private key" in err and not (folder / "other.symc").exists()


def test_classes_and_what_was_done_to_images(folder, call):
    code, out, _ = call("run", *CALLS["run"], "--json")
    report = json.loads(out)
    assert report["images"] == [{"input": "data", "image": "black.png", "size": "4x4",
                                 "done": ["RGB", "pixels 0 to 255 as they are"]}]
    best = report["top"]["softmax_output"][0]
    assert [(entry["index"], entry["label"]) for entry in best] == [(1, "goldfish"), (2, "shark")]
    assert best[0]["probability"] == pytest.approx(0.66524, abs=1e-4)
    code, out, _ = call("run", *CALLS["run"])
    assert code == 0 and "top of softmax_output:\n  index  label     probability\n  1      goldfish  0.6652\n" in out
    (folder / "labels").write_text("one\n")
    code, out, err = call("run", *CALLS["run"])
    assert (code, out) == (1, "") and "there is 1 label, but" in err and "3 classes" in err
    code, _, err = call("run", "net.symc", "-i", "black.png", "--labels", "labels")
    assert code == 1 and "--top" in err


def test_prepared_inputs_are_kept(folder, call):
    code, _, err = call("run", "net.symc", "-i", "black.png", "--mean", "1,2,3", "--bgr", "--save-inputs", "in.npz")
    assert code == 0, err
    np.testing.assert_array_equal(np.load("in.npz")["data"][0, :, 0, 0], [-3, -2, -1])
    assert call("verify", "net.symc", "-i", "in.npz")[0] == 0


@pytest.mark.parametrize("command", [("verify",), ("bench", "--repeats", 1, "--warmup", 0)])
def test_images_are_inputs_of_other_commands_too(folder, call, command):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save("large.png")
    prepared = (command[0], "net.symc", "-i", "large.png", "--resize", "exact", "--mean", "1,2,3", *command[1:])
    code, out, err = call(*prepared, "--json")
    assert code == 0, err
    done = ["resized to 4x4", "RGB", "(pixel - [1 2 3])"]
    assert json.loads(out)["images"] == [{"input": "data", "image": "large.png", "size": "8x8", "done": done}]
    assert "resized to 4x4" in call(*prepared)[1]
    assert "images are resized and cropped: --resize" in call(command[0], "net.symc", "-i", "large.png")[2]


@pytest.mark.parametrize("error, code", [
    (symc.errors.SymcError("x"), 1), (symc.errors.UnsupportedOperatorError("x"), 2),
    (symc.errors.DifferentError("x"), 3), (ZeroDivisionError("x"), 70), (KeyboardInterrupt(), 130),
    (PermissionError(13, "Permission denied", "x"), 1)])
def test_exit_codes(call, monkeypatch, error, code):
    def fail(*_):
        raise error
    monkeypatch.setattr("symc.check.find", fail)
    found, out, err = call("check", "net.json")
    assert (found, out) == (code, "") and ("Traceback" in err) == (code == 70)
    assert bool(err.strip()) == (code != 130)


@pytest.mark.parametrize("arguments, message", [
    (("compile", "net.json", *SHAPE, "-o", "."), "it is a folder"),
    (("compile", "net.json", *SHAPE, "-o", "no/x.symc"), "there is no folder no"),
    (("compile", "net.json", "--shape", "data=1x3"), "write it as 1,3,224,224"),
    (("run", "net.json"), "net.json is JSON and no package"), (("run", "."), "Is a directory"),
    (("run", "net.symc", "-i", "data="), "neither NAME=FILE nor FILE"), (("cmpile",), "'compile'"),
    (("run", "net.symc", "-i", "black.png", "--labels", ".", "--top", 1), "Is a directory"),
    (("run", "net.symc", "-i", "dta=black.png"), "did you mean 'data'")])
def test_mistakes(folder, call, arguments, message):
    code, out, err = call(*arguments)
    assert (code, out) == (1, "") and message in err and "Traceback" not in err


@pytest.mark.parametrize("typed, completed", [
    ("symc ", list(cli.COMMANDS)), ("symc c", ["check", "compile"]), ("symc run --res", ["--resize"]),
    ("symc verify --ag", ["--against"]), ("symc --ver", ["--version"])])
def test_completion(tmp_path, typed, completed):
    count = len(typed.split(" ")) - 1
    done = process(folder=tmp_path, COMP_WORDS=typed, COMP_CWORD=str(count), _SYMC_COMPLETE="complete_bash")
    assert done.stdout.split() == completed and not done.stderr


def test_the_script_that_completes(tmp_path):
    done = process("--show-completion", "bash", folder=tmp_path)
    assert done.returncode == 0 and "_SYMC_COMPLETE=complete_bash" in done.stdout
    checked = subprocess.run(["bash", "-n"], input=done.stdout, text=True, capture_output=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_progress_is_for_terminals(folder):
    """Standard error is a terminal, standard output is not."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "symc", "compile", *CALLS["compile"], "--json"]
    done = subprocess.run([*map(str, command)], cwd=folder, stderr=theirs, stdout=subprocess.PIPE, timeout=300,
                          env=os.environ | {"PYTHONPATH": ROOT, "SYMC_CACHE_DIR": str(folder / "cache")})
    os.close(theirs)
    assert b"compiling kernels: " in os.read(ours, 10000) and json.loads(done.stdout)
    os.close(ours)
    piped = process(*map(str, command[3:]), folder=folder)
    assert piped.stderr == "" and json.loads(piped.stdout)


INTERRUPTS = """
import os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
os.kill(os.getpid(), signal.SIGINT)
time.sleep(60)
"""


def test_an_interrupt_while_the_command_line_is_imported(tmp_path):
    """`typer` is the first that it imports: here it is a file that interrupts, in shells too that have it ignored."""
    (tmp_path / "typer.py").write_text(INTERRUPTS)
    done = process("check", "net.json", folder=tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
