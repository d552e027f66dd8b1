"""Tables and chart of a few recorded results."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks import chart, figures


def record(network, threads, system, minimum, median=None, peak=30 * 1024, imports=20 * 1024):
    return {"network": network, "threads": threads, "system": system, "minimum_ms": minimum,
            "median_ms": median or 2 * minimum, "runs": 9, "peak_kib": peak, "imports_kib": imports, "difference": 2e-7}


RESULTS = {
    "machine": {"cpu": "A CPU", "cores": 2, "level": "x86-64-v3"}, "date": "2026-01-02", "rounds": 3, "seconds": 0.5,
    "versions": {"symc": "0.1", "openvino": "1.2"},
    "packages": {"a": {"weights_bytes": 2**20, "arena_bytes": 2**19}, "c": {"weights_bytes": 2**28, "arena_bytes": 0},
                 "a_b8": {"weights_bytes": 2**20, "arena_bytes": 2**22}},
    "inference": [record("a", 1, "symc", 1.0), record("a", 1, "openvino", 4.0, 6.0), record("a", 1, "mxnet", 5.0, 8.0),
                  record("c", 1, "symc", 123.4), record("c", 1, "mxnet", 123.4, peak=200 * 1024),
                  record("a_b8", 1, "symc", 10.0), record("a_b8", 1, "openvino", 9.0),
                  record("a", 2, "symc", 0.0512), record("a", 2, "openvino", 0.1024)],
    "training": [record("train_a_b4", 1, "symc", 2.0), record("train_a_b4", 1, "mxnet", 3.0)]}


def test_times():
    lines = figures.sections(RESULTS)["inference"]
    assert [line for line in lines if line] == [
        "1 thread, minimum / median in ms:",
        "| network | symc | OpenVINO | MXNet | best / symc | of medians |", "| --- | --- | --- | --- | --- | --- |",
        "| a | 1.00 / 2.00 | 4.00 / 6.00 | 5.00 / 8.00 | 4.00 | 3.00 |",
        "| c | 123 / 247 |  | 123 / 247 | 1.00 | 1.00 |",
        "| geometric mean of 2 |  |  |  | **2.00** | **1.73** |",
        "| a_b8 | 10.0 / 20.0 | 9.00 / 18.0 |  | 0.90 | 0.90 |",
        "2 threads, minimum / median in ms:", "| network | symc | OpenVINO | best / symc | of medians |",
        "| --- | --- | --- | --- | --- |", "| a | 0.0512 / 0.102 | 0.102 / 0.205 | 2.00 | 2.00 |"]
    assert figures.sections(RESULTS)["training"][-1] == "| a_b4 | 2.00 / 4.00 | 3.00 / 6.00 | 1.50 | 1.50 |"


def test_memory_and_the_sitting():
    sections = figures.sections(RESULTS)
    assert sections["memory"] == [
        "| network | weights | arena | symc | OpenVINO | MXNet |", "| --- | --- | --- | --- | --- | --- |",
        "| a | 1.0 | 0.5 | 10.0 | 10.0 | 10.0 |", "| c | 256 | 0.0 | 10.0 |  | 180 |",
        "| a_b8 | 1.0 | 4.0 | 10.0 | 10.0 |  |", "| interpreter and imports |  |  | 20.0 | 20.0 | 20.0 |"]
    assert sections["sitting"][0].startswith("A CPU, 2 cores, x86-64-v3; 2026-01-02; symc 0.1, OpenVINO 1.2;\n3 rounds")
    assert "2e-07 of outputs" in sections["sitting"][0]


def test_what_is_missing():
    assert math.isnan(figures.ratio([record("a", 1, "symc", 1.0)], "minimum_ms"))
    assert figures.geometric_mean([4.0, math.nan, 1.0]) == 2 and math.isnan(figures.geometric_mean([]))
    empty = figures.sections({**RESULTS, "inference": [], "training": []})
    assert empty["inference"] == empty["training"] == []


def test_the_readme_is_written_between_its_marks(tmp_path, monkeypatch):
    parts = [f"<!-- {name}: begin -->\nold {name}\n<!-- {name}: end -->\n" for name in figures.sections(RESULTS)]
    (tmp_path / "README.md").write_text("By hand.\n" + "Between.\n".join(parts) + "Behind.\n")
    monkeypatch.setattr(figures, "README", tmp_path / "README.md")
    monkeypatch.setattr(figures, "CHART", tmp_path / "chart.svg")
    figures.write(RESULTS)
    once = (tmp_path / "README.md").read_text()
    assert once.startswith("By hand.\n<!-- sitting: begin -->\nA CPU") and once.endswith("Behind.\n")
    assert "old" not in once and once.count("Between.\n") == 3 and "| a_b4 |" in once
    figures.write(json.loads(json.dumps(RESULTS)))
    assert (tmp_path / "README.md").read_text() == once and (tmp_path / "chart.svg").read_text().startswith("<svg")
    with pytest.raises(AssertionError, match="no marks"):
        figures.between("nothing", "memory", "")


def test_the_readme_of_the_project_has_the_marks():
    text = figures.README.read_text()
    for name in figures.sections(RESULTS):
        figures.between(text, name, "")


def test_the_chart():
    points = figures.points(RESULTS["inference"])
    assert points == {1: {"a": {"openvino": 4.0, "mxnet": 5.0}, "c": {"mxnet": 1.0}, "a_b8": {"openvino": 0.9}},
                      2: {"a": {"openvino": 2.0}}}
    root = ElementTree.fromstring(chart.svg(points, figures.TITLES))
    name = "{http://www.w3.org/2000/svg}"
    titles = [element.text for element in root.iter(f"{name}title")]
    assert sorted(titles) == ["mxnet 1.00", "mxnet 5.00", "openvino 0.90", "openvino 2.00", "openvino 4.00"]
    texts = [element.text for element in root.iter(f"{name}text")]
    assert {"a", "c", "a_b8", "1 thread", "2 threads", "OpenVINO", "MXNet"} <= set(texts) and "PyTorch" not in texts
    width, height = (float(root.get(side)) for side in ("width", "height"))
    for panel in root.iter(f"{name}g"):
        for circle in panel.iter(f"{name}circle"):
            assert 0 <= float(circle.get("cx")) <= chart.PANEL < width and 0 < float(circle.get("cy")) < height


def test_figures_of_bfloat16(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "README", tmp_path / "README.md")
    figures.README.write_text("before\n<!-- bf16: begin -->\nold\n<!-- bf16: end -->\nbehind\n")
    figures.write_bfloat16({**RESULTS, "bf16": RESULTS["inference"][:2]})
    text = figures.README.read_text()
    assert "old" not in text and text.startswith("before") and text.endswith("behind\n")
    assert "| a | 1.00 / 2.00 | 4.00 / 6.00 | 4.00 | 3.00 |" in text and "| a | 2.0e-07 | 2.0e-07 |" in text
