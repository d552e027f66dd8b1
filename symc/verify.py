"""What `symc verify` does: a package beside the interpretation of the graph that it stores, of its network with the
original parameters, or beside recorded outputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from symc import compiler
from symc.codegen.lowered import Lowered, Options
from symc.errors import PackageError, SymcError
from symc.frontend.reader import parse_graph
from symc.ir.graph import Graph
from symc.ir.text import print_graph
from symc.ir.types import DType
from symc.loading import load_parameters
from symc.ops.inference import with_types
from symc.ops.operator import states_of
from symc.passes.pipeline import inferred
from symc.runtime.batch import ModuleOfBatches
from symc.runtime.devices import driver_of
from symc.runtime.gpu_module import code_of, module_of_code
from symc.runtime.machine import this_machine
from symc.runtime.manifest import graph_member
from symc.runtime.module import module_of, not_compiled
from symc.runtime.package import Package, check_everything, open_package
from symc.runtime.plan import Plan
from symc.verification.compare import Key, Numbers, Tolerances
from symc.verification.explain import Explainer
from symc.verification.inputs import held
from symc.verification.record import Verification, of_plans, skipped
from symc.verification.slabs import verify_slab
from symc.verification.stored import array_in, stored_graph
from symc.verification.subject import Code, Subject, meaning_of
from symc.verification.verify import verify

Arrays = Mapping[str, np.ndarray]


def verify_package(path: str | os.PathLike[str], params: Any = None, inputs: Arrays | None = None,
                   against: Arrays | None = None, seed: int = 0,
                   trust: str | os.PathLike[str] | None = None) -> Verification:
    """Verify all plans of the package for this machine, on its CPU and on gpu(0), as far as the package has code for
    these.  PackageError: it is damaged, or for other machines.

    params: the original parameters (a path, or arrays by name), with which its network is interpreted instead of the
    graphs that it stores.  inputs: values of inputs, for plans of their shapes; the others are drawn from `seed`.
    against: recorded outputs by name, beside values of inputs, to compare with; plans of other shapes are then left
    out, as are those whose graph an older package does not store.  trust: the public key that must have signed it.
    """
    package = open_package(path, trust=trust)
    check_everything(package)
    sides = [_on_cpu(package)] if package.targets else []
    why = ""
    if package.architectures:
        try:
            sides.append(_on_gpu(package))
        except SymcError as problem:
            why = f"no GPU here runs it: {problem.message}"
            if not sides:
                raise PackageError(f"package {package.path} has code for GPUs alone, and {why}",
                                   problem.hint) from problem
    first, *others = (_verified(package, side, params, inputs, against, seed) for side in sides)
    if others or not why:
        return replace(first, on_gpu=others[0] if others else None)
    return replace(first, on_gpu=skipped(why, package.architectures))


class Side(NamedTuple):
    """Code of a package that runs here.  level: of the CPU, or the architecture of a GPU.  others: the rest that the
    package has.  code: of a plan, by its number."""

    level: str
    others: Sequence[str]
    module: Any
    code: Callable[[int], Code]
    on_gpu: bool


def _on_cpu(package: Package) -> Side:
    target = package.target_for(this_machine())
    others = [other.level for other in package.targets if other != target]
    return Side(target.level, others, module_of(package, target), partial(package.library, target), False)


def _on_gpu(package: Package) -> Side:
    """SymcError: there is no GPU, or no code for it."""
    code = code_of(package, driver_of(0), 0)
    others = [name for name in package.architectures if name != code.architecture]
    return Side(code.architecture, others, module_of_code(package, code), lambda number: code, True)


def _verified(package: Package, side: Side, params: Any, inputs: Arrays | None, against: Arrays | None,
              seed: int) -> Verification:
    stored = [Stored(package, number, side.on_gpu) for number in range(len(package.manifest["plans"]))]
    given, expected = stored[0].sorted(inputs or {}, against)
    is_batch = isinstance(side.module, ModuleOfBatches)
    meant = stored[:1] if is_batch else [one for one in stored if one.has_meaning(params)]
    fitting = _fitting(meant, given, expected)
    found = {}
    for one in fitting if expected is not None else meant:
        subject, explainer = one.subject(params)
        found[one.number] = verify(subject, {side.level: side.code(one.number)}, side.others, seed,
                                   given if one in fitting else {}, expected,
                                   explainer.explain if one.is_stored else None, _against(params, against))
    if is_batch and expected is None:
        found |= {number: verify_slab(subject, side.module, number, side.level, seed)
                  for number in range(1, len(stored))}
    return of_plans(found, [one.shapes for one in stored])


def _fitting(stored: Sequence[Stored], given: Arrays, expected: Numbers | None) -> list[Stored]:
    """The plans for inputs, and where several are, for outputs, of these shapes.  SymcError: there is none."""
    found = [one for one in stored if all(array.shape == one.shapes[name] for name, array in given.items())]
    if not found:
        raise not_compiled({name: array.shape for name, array in given.items()},
                           [{name: one.shapes[name] for name in given} for one in stored])
    outputs = {name: array.shape for (_, name), array in (expected or {}).items()}
    return [one for one in found if outputs.items() <= one.outputs.items()] or found


def _against(params: Any, against: Arrays | None) -> str:
    if against is not None:
        return "recorded outputs"
    return "interpreter: the stored graph" if params is None else "interpreter: the network with its parameters"


@dataclass(frozen=True)
class Stored:
    """What a package tells of how one of its plans was made."""

    package: Package
    number: int = 0
    on_gpu: bool = False

    def has_meaning(self, params: Any) -> bool:
        """Whether there is a graph to compare with: the first is missed when it is read."""
        return params is not None or self.number == 0 or self._has_graph

    @property
    def _has_graph(self) -> bool:
        return graph_member(self.number) in self.package.members

    @property
    def is_stored(self) -> bool:
        """Whether the graph in the package is what this plan was made of: that of another target means the same."""
        return not (self.on_gpu and self.package.targets)

    @property
    def plan(self) -> Plan:
        return self.package.read_cuda_plan(self.number) if self.on_gpu else self.package.read_plan(self.number)

    @property
    def weights(self) -> np.ndarray:
        return self.package.cuda_weights() if self.on_gpu else self.package.weights()

    @cached_property
    def graph(self) -> Graph:
        return stored_graph(self.package, self.number)

    @cached_property
    def network(self) -> Graph:
        return parse_graph(self.package.text("network.json"), "network.json")

    @property
    def trains(self) -> bool:
        return "backward" in self.plan.entries

    @cached_property
    def options(self) -> Options:
        told = self.package.manifest["options"]
        return Options(precision=told.get("precision", "fp32"), fast_math=told.get("fast_math", False))

    @cached_property
    def tolerances(self) -> Tolerances:
        return Tolerances(self.options.precision, self.options.fast_math and not self.on_gpu)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {item["name"]: tuple(item["shape"]) for item in self._described["inputs"]}

    @cached_property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        return {item["name"]: tuple(item["shape"]) for item in self._described["outputs"]}

    @cached_property
    def dtypes(self) -> dict[str, DType]:
        return {item["name"]: DType.of(item["dtype"]) for item in self._described["inputs"]}

    @property
    def _described(self) -> Mapping[str, Any]:
        described: Mapping[str, Any] = self.package.manifest["plans"][self.number]
        return described

    def subject(self, params: Any) -> tuple[Subject, Explainer]:
        """With the stored graph as its meaning, or with the network and these parameters; and what explains it."""
        if params is None:
            roles = with_types(self.network, inferred(self.network, self.shapes, self.dtypes))
            return (Subject(self.graph, roles, self.graph if self.is_stored else None, self.plan, self.weights,
                            self.initial, self.tolerances), Explainer(roles, self.tolerances, None, self.trains))
        made = self._lowered(params)
        again = not self._has_graph or \
            print_graph(made.graph, sources=False) == print_graph(self.graph, sources=False)
        lowered = None if not self.is_stored else made.graph if again else self.graph
        subject = Subject(meaning_of(made.source, made.requests), made.source, lowered, self.plan, self.weights,
                          made.initial, self.tolerances)
        options = self.options if again and not self.on_gpu else None       # what explains compiles for CPUs
        return subject, Explainer(made.source, self.tolerances, options, self.trains)

    @cached_property
    def initial(self) -> dict[str, np.ndarray]:
        """First values of inputs and states, which lie in the weights."""
        return {buffer.name: array_in(self.weights, buffer) for buffer in self.plan.buffers
                if buffer.kind in ("input", "state") and buffer.offset is not None}

    def _lowered(self, params: Any) -> Lowered:
        """The network after all passes, made anew of the original parameters."""
        arrays = load_parameters(params, {node.name for node in states_of(self.network)})
        shapes = {name: shape for name, shape in self.shapes.items() if name not in arrays}
        dtypes = {name: dtype for name, dtype in self.dtypes.items() if name not in arrays}
        graph = self.graph if self._has_graph else Stored(self.package).graph
        requests = {g.variable.name: g.req for g in graph.gradients}
        target = "cpu" if self.package.targets else "cuda"
        prepared = compiler.prepare(self.network, arrays, shapes, (), requests if self.trains else False, target,
                                    dtypes, self.options)
        return (prepared.lowered or prepared.grid)[0]

    def sorted(self, inputs: Arrays, against: Arrays | None) -> tuple[dict[str, np.ndarray], Numbers | None]:
        """Values of inputs in their dtypes, and expected outputs, which may stand side by side in `against`."""
        names = list(self.outputs)
        both = {**(against or {}), **inputs}
        if unknown := [name for name in both if name not in (*self.shapes, *names)]:
            raise SymcError(f"'{unknown[0]}' is neither an input nor an output of the package",
                            f"the inputs are {', '.join(self.shapes)}; the outputs are {', '.join(names)}")
        given = {name: self._input(name, array) for name, array in both.items() if name in self.shapes}
        if against is None:
            return given, None
        expected: dict[Key, np.ndarray] = {("output", name): against[name] for name in names if name in against}
        if not expected:
            raise SymcError("there are no recorded outputs to compare with",
                            f"name the arrays as the outputs are: {', '.join(names)}")
        return given, expected

    def _input(self, name: str, array: np.ndarray) -> np.ndarray:
        return array if array.dtype == self.dtypes[name].numpy else held(array, self.dtypes[name])
