"""What a graph compiles to, compared with the interpreter.

Two right programs differ by rounding, and behind a jump (`floor`, `argmax`, a comparison) by more.  How much more is
found by running the interpreter again with values a little off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from unittest.mock import patch

import numpy as np

from symc import bound, compiler
from symc.codegen import build
from symc.codegen.build import Unit
from symc.codegen.in_process import load_plan
from symc.codegen.package import LEVELS
from symc.interpreter import Results, run
from symc.ir.graph import Graph, Node, Value
from symc.ir.layouts import to_logical
from symc.ir.types import DType
from symc.ops.math import NumPyMath
from symc.ops.operator import operation, run_reference, states_of
from symc.passes.base import run_passes
from symc.passes.expand_gradients import ExpandGradients
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.legalize import Legalize
from symc.passes.overwrite_inputs import OverwriteInputs
from symc.passes.places import GROUP
from symc.passes.seed_random import SEED, NumberRandom, SeedRandom
from symc.runtime.context import cpu
from symc.runtime.machine import this_machine
from symc.runtime.ndarray import NDArray
from tests.random_graphs.values import NOISE, of_dtype, parse, plain, values_of

Arrays = Mapping[str, np.ndarray]
BEFORE = 0.25                   # what gradient buffers hold before backward
TOLERANCES = {DType.float16: 1e-2, DType.bfloat16: 4e-2, DType.float32: 2e-4, DType.float64: 2e-6}
PROBES, MORE_PROBES = 3, 30


def compare(text: str | Graph, random: Random, training: bool, gradients: bool = True) -> str:
    """What the compiled graph computes differently, '' when all is well."""
    graph = parse(text) if isinstance(text, str) else text
    seed = random.randrange(2**32)
    requests = requests_of(graph, random) if training and gradients else {}
    return Comparison(graph, seed, training, requests).run()


def requests_of(graph: Graph, random: Random) -> dict[str, str]:
    """Random requests for the variables that may have a gradient."""
    states = set(states_of(graph))
    return {node.name: random.choice(("write", "write", "add", "null")) for node in graph.variables
            if node not in states and node.types[0].element.is_float}


def levels() -> list[str]:
    """The CPU levels that this machine can run."""
    features = this_machine().features
    return [level for level, needs in LEVELS.items() if level.startswith("x86-64") and set(needs) <= features]


@contextmanager
def at_level(level: str) -> Iterator[None]:
    """Compile for a lower CPU level than that of the machine."""
    def load(unit: Unit) -> object:
        return load_plan(unit.plans[level], unit.objects[level], level)
    with patch.object(bound, "host_level", lambda: level), patch.object(bound, "load_in_process", load), \
            patch.object(build, "host_level", lambda: level):
        yield


def spread_out(graph: Graph, places: int, seed: int) -> Graph:
    """The graph with most of its nodes in groups '0', '1', ..., as many as places."""
    random = Random(seed)

    def visit(node: Node) -> tuple[Value, ...] | None:
        group, belongs = str(random.randrange(places)), random.random() < 0.7
        return replace(node, attrs={**node.attrs, GROUP: group}).outputs if belongs else None
    return graph.rewrite(visit)


class Comparison:
    """One graph, on values that follow from `seed`, run compiled, spread over `places`, and interpreted."""

    def __init__(self, graph: Graph, seed: int, training: bool, requests: Mapping[str, str], places: int = 1) -> None:
        self.graph, self.seed, self.training, self.requests = graph, seed, training, dict(requests)
        self.places = places
        self.states = {node.name for node in states_of(graph)}
        self.inputs = values_of(graph, seed)
        self.meaning = reference(graph, training, self.requests)
        self.heads = head_gradients(self.meaning, seed)

    def run(self) -> str:
        """What differs, a line each."""
        with patch.object(bound, "device_of", lambda context: context):     # as if the host had several
            found, draws = self.compiled()
        given = {**self.inputs, **self.heads, SEED: draws}
        right = self.shown(run(self.meaning, given))
        doubtful = self.differences(found, right, self.spread(given, right, PROBES))
        if doubtful and leaves_half_range(self.meaning, given):
            return ""
        if doubtful:
            doubtful = self.differences(found, right, self.spread(given, right, MORE_PROBES))
        return "\n".join(doubtful)

    def compiled(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Heads, gradients and states by what they are, and the seed that was drawn from."""
        dtypes = {node.name: node.types[0].element for node in self.graph.variables}
        bound = {name: held(value) for name, value in self.inputs.items()}
        buffers = {name: held(of_dtype(np.full(self.inputs[name].shape, BEFORE), dtypes[name]))
                   for name, req in self.requests.items() if req != "null"}
        graph, groups = self.graph, None
        if self.places > 1:
            graph = spread_out(graph, self.places, self.seed)
            groups = {str(number): cpu(number) for number in range(self.places)}
        executor = compiler.bind(graph, cpu(), {n: a for n, a in bound.items() if n not in self.states}, buffers,
                                 self.requests, {n: a for n, a in bound.items() if n in self.states}, groups)
        outputs = executor.forward(is_train=self.training)
        found = {f"head {i}": output.memory.copy() for i, output in enumerate(outputs)}
        draws = np.array(executor._seed)
        if self.training and self.requests:
            given = [self.heads.get(HEAD_GRADIENT.format(i)) for i in range(len(self.graph.heads))]
            executor.backward([value if value is None else held(value) for value in given])
        found |= {f"gradient {name}": buffer.memory.copy() for name, buffer in buffers.items()}
        return found | {f"variable {name}": array.memory.copy() for name, array in bound.items()}, draws

    def shown(self, results: Results) -> dict[str, np.ndarray]:
        """What a run of the interpreter says of the same."""
        shown = {f"head {i}": head for i, head in enumerate(results.heads)}
        for name, gradient in results.gradients.items():
            before = of_dtype(np.full(gradient.shape, BEFORE), _dtype(gradient))
            shown[f"gradient {name}"] = _sum(gradient, before) if self.requests[name] == "add" else gradient
        written = dict(results.updates)
        return shown | {f"variable {name}": written.get(name, value) for name, value in self.inputs.items()}

    def spread(self, given: Arrays, right: Arrays, probes: int) -> dict[str, np.ndarray]:
        """By how much each number moves when values on the way are a little off."""
        spread = {key: np.zeros(value.shape) for key, value in right.items()}
        for probe in range(probes):
            for key, value in self.shown(run_inexactly(self.meaning, given, probe)).items():
                with np.errstate(all="ignore"):
                    moved = np.abs(plain(value) - plain(right[key]))
                spread[key] = np.fmax(spread[key], np.where(np.isnan(plain(value)) != np.isnan(plain(right[key])),
                                                            np.inf, moved))
        return spread

    def differences(self, found: Arrays, right: Arrays, spread: Arrays) -> list[str]:
        coarsest = max((TOLERANCES[t.element] for node in self.meaning.nodes for t in node.types
                        if t.element in TOLERANCES), default=1e-8)
        lines = [difference(key, found[key], value, spread[key], coarsest) for key, value in right.items()]
        return [line for line in lines if line]


def held(value: np.ndarray) -> NDArray:
    """An NDArray with a copy of `value`."""
    return NDArray(np.array(value))


def reference(graph: Graph, training: bool, requests: Mapping[str, str]) -> Graph:
    """The graph that the interpreter runs: the fewest passes that give it its meaning."""
    if not training:
        return run_passes(graph, [NumberRandom(), ExpandGradients(training=False), OverwriteInputs(),
                                  UseInferenceForms(), SeedRandom()])
    wanted = tuple((name, req) for name, req in requests.items() if req != "null")
    return run_passes(graph, [NumberRandom(), ExpandGradients(training=True), OverwriteInputs(), SeedRandom(),
                              Legalize(keep_differentiable=True), Differentiate(wanted)])


def head_gradients(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {node.name: of_dtype(generator.uniform(-1, 1, node.types[0].dims), node.types[0].element)
            for node in graph.variables if node.name.startswith(HEAD_GRADIENT.format(""))}


# ---- numbers -------------------------------------------------------------------------------------------------------


def run_inexactly(graph: Graph, inputs: Arrays, probe: int) -> Results:
    """`interpreter.run`, each result a few roundings off; results that are only chosen among the inputs are kept."""
    draws = np.random.default_rng(probe)
    values: dict[Value, np.ndarray] = {}
    for node in graph.nodes:
        if node.value is not None:
            values[Value(node)] = to_logical(node.value, node.types[0].dims, node.types[0].layout)
        elif node.op is None:
            values[Value(node)] = inputs[node.name]
        else:
            arguments = [values[value] for value in node.inputs]
            helpers = [_run_heads] if node.op.subgraphs else []
            outputs = run_reference(operation(node), [*helpers, *arguments], node.types)
            values |= {value: _off(np.asarray(array), value.type.element, arguments, draws)
                       for value, array in zip(node.outputs, outputs, strict=True)}
    return Results(tuple(values[head] for head in graph.heads),
                   {g.variable.name: values[g.value] for g in graph.gradients},
                   {u.variable.name: values[u.value] for u in graph.updates})


def leaves_half_range(graph: Graph, inputs: Arrays) -> bool:
    """Whether float16 values on the way have few bits left, or too many: kernels keep float32 between operators."""
    values = run(graph, inputs, keep_internals=True).internals.values()
    sizes = [np.abs(value[value != 0]) for value in values if value.dtype == np.float16]
    return any(((size < 1e-3) | (size > 1e4)).any() for size in sizes)


def _run_heads(graph: Graph, inputs: Arrays) -> tuple[np.ndarray, ...]:
    return run(graph, inputs).heads


def _off(array: np.ndarray, dtype: DType, arguments: list[np.ndarray], draws: np.random.Generator) -> np.ndarray:
    if not dtype.is_float or not array.size:
        return array
    value = plain(array)
    if np.all(value == np.rint(value)) or all(np.isin(array, x).all() for x in arguments[:1]) and arguments:
        return array
    size = np.abs(value[np.isfinite(value)]).mean() if np.isfinite(value).any() else 0.0
    noise = NOISE[array.dtype.str[1:]] * draws.uniform(-1, 1, array.shape)
    with np.errstate(all="ignore"):
        return of_dtype(value + noise * (np.abs(value) + 0.1 * size * (value != 0)), dtype)


def _dtype(array: np.ndarray) -> DType:
    return NumPyMath.dtype(array)


def _sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return of_dtype(plain(a) + plain(b), DType.bfloat16) if a.dtype == np.uint16 else np.asarray(a + b, a.dtype)


def difference(name: str, found: np.ndarray, right: np.ndarray, spread: np.ndarray, rtol: float) -> str:
    """Why `found` is not `right`, give or take what roundings explain; '' when it is."""
    if (found.shape, found.dtype) != (right.shape, right.dtype):
        return f"{name} is {found.dtype}{list(found.shape)}, expected {right.dtype}{list(right.shape)}"
    a, b = plain(found), plain(right)
    if right.dtype.kind in "fu" and right.dtype != np.uint8:
        rtol = max(rtol, TOLERANCES[_dtype(right)])
    else:
        rtol = 0.0
    finite = np.abs(b[np.isfinite(b)])
    with np.errstate(all="ignore"):
        allowed = rtol * np.abs(b) + rtol / 10 * max(1.0, float(finite.max(initial=0))) + 10 * spread
        wrong = ~((np.abs(a - b) <= allowed) | (a == b) | (np.isnan(a) & np.isnan(b)) | (spread == np.inf))
    if not wrong.any():
        return ""
    worst = tuple(map(int, np.argwhere(wrong)[0]))
    return f"{name} differs at {worst}, and {int(wrong.sum())} in all: {a[worst]} expected {b[worst]}"
