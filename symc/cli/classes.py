"""The classes that a network gives the largest scores."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from symc.errors import SymcError, counted

SYNSET = re.compile(r"n\d{8}\s+")         # WordNet's number in front of the words
Top = dict[str, list[list[dict[str, Any]]]]


def read_labels(path: str) -> list[str]:
    """A label a line; of synset files the words."""
    from symc.frontend.files import read_bytes

    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise SymcError(f"cannot read {path}: it is not UTF-8 text", "a file of labels has one a line") from None
    while lines and not lines[-1].strip():
        lines.pop()
    return [SYNSET.sub("", line.strip(), count=1) for line in lines]


def top_classes(results: Mapping[str, Any], count: int, labels: Sequence[str] | None) -> Top:
    """Of each output (N, classes) the best of each row: index, label and score, called probability where rows are such.

    SymcError: there is no such output, or another number of labels.
    """
    scores = {name: array.reshape(array.shape[:2]) for name, array in results.items() if _holds_scores(array)}
    if not scores:
        raise SymcError("no output has the shape (N, classes): "
                        + ", ".join(f"{name} is {array.shape}" for name, array in results.items()),
                        "--top is for classifiers; --output writes all outputs")
    for name, rows in scores.items():
        if labels is not None and len(labels) != rows.shape[1]:
            found = "is" if len(labels) == 1 else "are"
            classes = "1 class" if rows.shape[1] == 1 else f"{rows.shape[1]} classes"
            raise SymcError(f"there {found} {counted(len(labels), 'label')}, but output '{name}' has {classes}")
    return {name: _best(rows, count, labels) for name, rows in scores.items()}


def _holds_scores(array: Any) -> bool:
    return array.ndim >= 2 and array.shape[1] > 1 and math.prod(array.shape[2:]) == 1 and array.dtype.kind in "fiu"


def _best(rows: Any, count: int, labels: Sequence[str] | None) -> list[list[dict[str, Any]]]:
    """NaN comes last, equal scores in the order of their classes; what is not finite is None, as JSON has no such."""
    import numpy as np

    wide = rows.astype(np.float64)
    is_probability = (wide >= 0).all() and np.allclose(wide.sum(1), 1, atol=1e-3)
    kind = "probability" if is_probability else "score"
    best = []
    for row in wide:
        order = np.argsort(-row, kind="stable")[:count]
        best.append([{"index": int(index), **({"label": labels[index]} if labels is not None else {}),
                      kind: float(row[index]) if np.isfinite(row[index]) else None} for index in order])
    return best


def tables(top: Top) -> dict[str, list[dict[str, Any]]]:
    """A table of each output for people."""
    return {f"top of {name}": [({"row": number} if len(rows) > 1 else {}) | _rounded(entry)
                               for number, row in enumerate(rows) for entry in row] for name, rows in top.items()}


def _rounded(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: ("not finite" if value is None else f"{value:.4g}") if key in ("probability", "score") else value
            for key, value in entry.items()}
