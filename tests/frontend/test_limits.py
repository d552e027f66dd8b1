"""Limits hold for every reader, and SYMC_LIMITS sets them."""

import json
import re
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from symc.errors import MXNetError, SymcError
from symc.frontend import params
from symc.frontend.archive import open_archive
from symc.frontend.limits import Limits, limits
from symc.frontend.symbol_json import parse

NODE = {"op": "null", "name": "x", "inputs": []}
TEXT = json.dumps({"nodes": [NODE, NODE, NODE], "heads": [[0, 0, 0]]})


def nested(depth):
    graph = {"nodes": [NODE], "heads": [[0, 0, 0]]}
    for _ in range(depth):
        graph = {"nodes": [NODE | {"subgraphs": [graph]}], "heads": [[0, 0, 0]]}
    return json.dumps(graph)


@pytest.mark.parametrize("setting, text, message", [
    ("json_bytes=20", TEXT, f"symbol: {len(TEXT)} bytes are more than 20"),
    ("nodes=2", TEXT, "the graph has 3 nodes, more than 2"),
    ("", nested(33), "nested more than 32 deep"), ("subgraphs=2", nested(3), "nested more than 2 deep")])
def test_networks(monkeypatch, setting, text, message):
    monkeypatch.setenv("SYMC_LIMITS", setting)
    with pytest.raises(MXNetError, match=rf"{message}[^\n]*\n  if you trust it, SYMC_LIMITS=\w+=... sets another"):
        parse(text)


def test_archives_and_arrays(monkeypatch, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", bytes(10**6))
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(10**6, np.uint8))
    assert open_archive(tmp_path / "a.zip").members and params.read(tmp_path / "a.npz").names
    monkeypatch.setenv("SYMC_LIMITS", "unchecked=64K,ratio=10")
    for read in (lambda: open_archive(tmp_path / "a.zip"), lambda: params.read(tmp_path / "a.npz")):
        with pytest.raises(MXNetError, match="unpacks to more than 65536 bytes.*\n.*SYMC_LIMITS"):
            read()


def test_settings(monkeypatch):
    monkeypatch.setenv("SYMC_LIMITS", "nodes=5, bytes=2G")
    assert (limits().nodes, limits().bytes, limits().ratio) == (5, 2 << 30, 100)
    for wrong, problem in (("node=5", "'node=5' is not LIMIT=NUMBER; did you mean 'nodes'"), ("nodes", "LIMIT=NUMBER"),
                           ("nodes=-1", "LIMIT=NUMBER"), ("bytes=1e9", "LIMIT=NUMBER")):
        monkeypatch.setenv("SYMC_LIMITS", wrong)
        with pytest.raises(SymcError, match=problem):
            limits()


def test_the_document_states_them():
    text = (Path(__file__).parents[2] / "docs" / "safety.md").read_text()
    stated = dict(re.findall(r"^\| `(\w+)` \| ([0-9,]+)(?: [A-Za-z]+)? \|", text, re.MULTILINE))
    assert {name: int(value.replace(",", "")) for name, value in stated.items()} == {
        field.name: field.default for field in fields(Limits)}
