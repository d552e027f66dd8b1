"""Files and standard input as inputs of a network."""

from __future__ import annotations

import io
import os
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from symc.cli.inputs import read_arrays, read_inputs
from symc.errors import SymcError

SHAPES = {"data": [(1, 3, 4, 4), (2, 3, 4, 4)], "state": [(1, 5)]}
X = np.arange(5, dtype=np.float32)[None]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    np.savez("x.npz", data=X, state=X + 1)
    np.savez("one.npz", any=X)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save("black.png")
    return tmp_path


def read(*items, shapes=SHAPES):
    return read_inputs(items, lambda: shapes)


def piped(monkeypatch, content, is_terminal=False):
    buffer = io.BytesIO(content)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer, isatty=lambda: is_terminal))


def test_arrays(folder):
    np.testing.assert_array_equal(read("state=x.npy").arrays["state"], X)
    assert list(read("x.npz").arrays) == ["data", "state"]
    np.testing.assert_array_equal(read("state=one.npz").arrays["state"], X)
    np.testing.assert_array_equal(read("x.npy", shapes={"only": [(1, 5)]}).arrays["only"], X)
    assert not read("x.npz").images


def test_files_are_told_apart_by_what_they_begin_with(folder):
    (folder / "x.npy").rename("x.jpg")
    np.testing.assert_array_equal(read("state=x.jpg").arrays["state"], X)


@pytest.mark.parametrize("file", ["x.npy", "one.npz", "black.png"])
def test_standard_input(folder, monkeypatch, file):
    piped(monkeypatch, (folder / file).read_bytes())
    found = read("data=-").arrays["data"]
    assert found.shape == ((1, 3, 4, 4) if file == "black.png" else X.shape)


def test_images_of_one_name_are_a_batch(folder):
    found = read("data=black.png", "data=black.png")
    assert found.arrays["data"].shape == (2, 3, 4, 4) and len(found.images) == 2


@pytest.mark.parametrize("item, message", [
    ("data=no.npy", "no.npy"), ("data=.", r"cannot read \."), ("x.npy", "which input is x.npy for"),
    ("black.png", "which input is black.png for"), ("data=x.npz", "holds 2 arrays"), ("data=empty", "it is empty"),
    ("data=text", "no array and no image"), ("data=cut.npy", "cannot read cut.npy"),
    ("data=cut.npz", "cannot read cut.npz"), ("data=odd.npy", "cannot read odd.npy"),
    ("data=huge.npy", "cannot read huge.npy"),
    ("date=black.png", "did you mean 'data'"), ("state=black.png", "takes no images")])
def test_what_is_wrong(folder, item, message):
    (folder / "empty").write_bytes(b"")
    (folder / "text").write_text("neither")
    (folder / "cut.npy").write_bytes((folder / "x.npy").read_bytes()[:-3])
    (folder / "cut.npz").write_bytes((folder / "x.npz").read_bytes()[:-30])
    (folder / "odd.npy").write_bytes((folder / "x.npy").read_bytes().replace(b"}", b"N"))
    (folder / "huge.npy").write_bytes((folder / "x.npy").read_bytes().replace(b"(1, 5), ", b"(9" + b"9" * 15 + b",), "))
    with pytest.raises(SymcError, match=message):
        read(item)


def test_named_pipes(folder):
    os.mkfifo("pipe")
    content = (folder / "x.npy").read_bytes()
    writer = threading.Thread(target=lambda: (folder / "pipe").write_bytes(content))
    writer.start()
    np.testing.assert_array_equal(read("state=pipe").arrays["state"], X)
    writer.join()


def test_standard_input_that_gives_nothing(folder, monkeypatch):
    piped(monkeypatch, b"")
    with pytest.raises(SymcError, match="nothing came"):
        read("data=-")
    piped(monkeypatch, b"", is_terminal=True)
    with pytest.raises(SymcError, match="is a terminal"):
        read("data=-")


def test_expected_outputs_are_an_npz_file(folder):
    assert list(read_arrays("x.npz")) == ["data", "state"]
    with pytest.raises(SymcError, match="no .npz file"):
        read_arrays("x.npy")
