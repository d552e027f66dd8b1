"""Labels and the best classes."""

from __future__ import annotations

import numpy as np
import pytest

from symc.cli.classes import read_labels, tables, top_classes
from symc.errors import SymcError


def test_labels(tmp_path):
    (tmp_path / "synset.txt").write_text("n01440764 tench, Tinca tinca\nn01443537 goldfish\nplain words\n\n")
    assert read_labels(str(tmp_path / "synset.txt")) == ["tench, Tinca tinca", "goldfish", "plain words"]
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SymcError, match="UTF-8"):
        read_labels(str(tmp_path / "bytes"))


def test_probabilities_by_label():
    rows = np.float32([[0.2, 0.5, 0.3], [0.25, 0.25, 0.5]])
    found = top_classes({"out": rows}, 2, ["a", "b", "c"])
    assert [[entry["label"] for entry in row] for row in found["out"]] == [["b", "c"], ["c", "a"]]
    assert found["out"][0][0] == {"index": 1, "label": "b", "probability": 0.5}
    assert tables(found)["top of out"][0] == {"row": 0, "index": 1, "label": "b", "probability": "0.5"}


def test_scores_and_what_is_not_finite():
    scores = np.float32([[-1, np.nan, 7, np.inf]]).reshape(1, 4, 1, 1)
    (row,) = top_classes({"out": scores}, 9, None)["out"]
    assert [(entry["index"], entry["score"]) for entry in row] == [(3, None), (2, 7), (0, -1), (1, None)]
    assert tables({"out": [row]})["top of out"][0]["score"] == "not finite"


def test_no_scores_and_wrong_labels():
    with pytest.raises(SymcError, match=r"no output has the shape"):
        top_classes({"out": np.zeros((1, 3, 4, 4)), "other": np.zeros(3)}, 5, None)
    with pytest.raises(SymcError, match="2 labels, but output 'out' has 3 classes"):
        top_classes({"out": np.zeros((1, 3))}, 5, ["a", "b"])
