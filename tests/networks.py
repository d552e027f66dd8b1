"""Recorded networks (tests/data/networks): what MXNet 1.9.1 answered to inputs and parameters that follow a rule.

Every array is drawn from a generator seeded by the CRC-32 of its name.  A parameter is uniform noise scaled by role,
an input what its entry in the meta file says, and for training runs a head gradient is uniform noise too.  Results are
compared by the largest difference relative to the largest recorded element; each has its tolerance in the meta file.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import symc as mx

FOLDER = Path(__file__).parent / "data" / "networks"
NAMES = sorted(path.name.removesuffix(".meta.json") for path in FOLDER.glob("*.meta.json"))
WHOLE = 20_000      # recorded results of more elements are samples


def generator(text: str) -> np.random.RandomState:
    return np.random.RandomState(zlib.crc32(text.encode()) & 0x7FFFFFFF)


def parameter(name: str, shape: tuple[int, ...], dtype: str, gain: float) -> np.ndarray:
    noise = generator(name).uniform(-1.0, 1.0, shape)
    if name.endswith("_var"):
        noise = 1.0 + 0.5 * noise
    elif name.endswith("gamma"):
        noise = 1.0 + 0.1 * noise
    elif name.endswith(("_mean", "beta", "bias")) or len(shape) < 2:
        noise = 0.1 * noise
    else:
        noise = noise * gain * np.sqrt(6.0 / max(int(np.prod(shape[1:])), 1))
    return noise.astype(dtype)


def given(network: str, name: str, entry: dict[str, Any]) -> np.ndarray:
    """An input."""
    draw, shape = generator(f"{network}/{name}"), tuple(entry["shape"])
    if entry["gen"] == "uniform":
        values = draw.uniform(entry["low"], entry["high"], shape)
    elif entry["gen"] == "randint":
        values = draw.randint(entry["low"], entry["high"], shape)
    else:
        values = np.broadcast_to(entry["value"] if entry["gen"] == "fill" else entry["values"], shape)
    return values.astype(entry["dtype"])


def sample(array: np.ndarray, limit: int = WHOLE) -> np.ndarray:
    """What is recorded of an array: all of it, or every k-th element."""
    return array if array.size <= limit else array.ravel()[::-(-array.size // limit)]


def difference(found: np.ndarray, recorded: np.ndarray) -> float:
    """Largest difference relative to the largest recorded element."""
    scale = max(float(np.abs(recorded).max()), 1e-6)
    return float(np.abs(found.astype(np.float64) - recorded.astype(np.float64)).max()) / scale


@dataclass
class Network:
    """A recorded network: its meta data and its results."""

    name: str

    def __post_init__(self) -> None:
        self.meta = json.loads((FOLDER / f"{self.name}.meta.json").read_text())
        self.symbol = FOLDER / self.meta["symbol"]
        self.recorded = np.load(FOLDER / self.meta["expected"])

    @property
    def trains(self) -> bool:
        return "train" in self.meta

    def values(self, shapes: dict[str, tuple[int, ...]] | None = None,
               inputs: dict[str, Any] | None = None) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Arguments and auxiliary states; shapes and inputs replace those of inference."""
        entries = self.meta["inputs"] if inputs is None else inputs
        parts: list[dict[str, np.ndarray]] = []
        for part in (self.meta["arguments"], self.meta["auxiliary"]):
            made = {}
            for item in part:
                name, shape = item["name"], tuple((shapes or {}).get(item["name"], item["shape"]))
                made[name] = (given(self.name, name, entries[name]) if name in entries else
                              parameter(name, shape, item["dtype"], self.meta.get("gain", 1.0)))
            parts.append(made)
        return parts[0], parts[1]

    def head_gradient(self, position: int, shape: tuple[int, ...]) -> np.ndarray:
        return generator(f"{self.name}/head{position}").uniform(-1.0, 1.0, shape).astype(np.float32)

    def check_outputs(self, outputs: list[np.ndarray]) -> None:
        """Assert that the outputs of inference are those recorded."""
        for i, (entry, found) in enumerate(zip(self.meta["outputs"], outputs, strict=True)):
            assert list(found.shape) == entry["shape"]
            if entry["stable"]:
                assert difference(sample(found), self.recorded[f"out{i}"]) <= entry["tol"], entry["name"]

    def check_inference(self, context: mx.Context) -> None:
        """Assert that an executor computes the outputs recorded of inference."""
        arguments, states = self.values()
        executor = mx.sym.load(str(self.symbol)).bind(context, _on(context, arguments), grad_req="null",
                                                      aux_states=_on(context, states))
        self.check_outputs([output.asnumpy() for output in executor.forward()])

    def check_training(self, context: mx.Context) -> None:
        """Assert that an executor computes outputs, gradients and states as recorded of a step of training."""
        symbol, recorded = mx.sym.load(str(self.symbol)), self.meta["train"]
        shapes, _, _ = symbol.infer_shape(**{key: tuple(v["shape"]) for key, v in recorded["inputs"].items()})
        arguments, states = self.values(dict(zip(symbol.list_arguments(), shapes, strict=True)), recorded["inputs"])
        gradients = _on(context, {key: np.zeros(v.shape, v.dtype) for key, v in arguments.items()
                                  if key not in recorded["inputs"]})
        executor = symbol.bind(context, _on(context, arguments), args_grad=gradients, aux_states=_on(context, states))
        outputs = executor.forward(is_train=True)
        heads = [mx.nd.array(self.head_gradient(i, o.shape), ctx=context) for i, o in enumerate(outputs)]
        executor.backward(heads if recorded["head_gradients"] else None)
        names = [entry["name"] for entry in recorded["outputs"]]
        self.check(recorded["outputs"], dict(zip(names, [o.asnumpy() for o in outputs], strict=True)), 256)
        self.check(recorded["gradients"], {key: g.asnumpy() for key, g in gradients.items()}, 64)
        self.check(recorded["auxiliary"], {key: s.asnumpy() for key, s in executor.aux_dict.items()}, 64)

    def check(self, entries: list[dict[str, Any]], arrays: dict[str, np.ndarray], limit: int) -> None:
        """Assert that arrays by name are those recorded of a training run."""
        wrong = {entry["name"]: difference(sample(arrays[entry["name"]], limit), self.recorded[entry["key"]])
                 for entry in entries if entry.get("stable", True)}
        tolerances = {entry["name"]: entry["tol"] for entry in entries}
        assert not {name: error for name, error in wrong.items() if not error <= tolerances[name]}


def _on(context: mx.Context, values: dict[str, np.ndarray]) -> dict[str, mx.nd.NDArray]:
    return {name: mx.nd.array(value, ctx=context, dtype=value.dtype) for name, value in values.items()}
