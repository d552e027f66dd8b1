"""What `symc verify` does: a package beside the interpretation of the graph that it stores, of its network with the
original parameters, or beside recorded outputs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from symc import compiler
from symc.codegen.build import Lowered, Options
from symc.errors import SymcError
from symc.frontend.reader import parse_graph
from symc.ir.graph import Graph
from symc.ir.text import print_graph
from symc.ir.types import DType
from symc.loading import load_parameters
from symc.ops.inference import with_types
from symc.ops.operator import states_of
from symc.passes.pipeline import inferred
from symc.runtime.machine import this_machine
from symc.runtime.package import Package, Target, check_everything, open_package
from symc.verification.compare import Key, Numbers, Tolerances
from symc.verification.explain import Explainer
from symc.verification.inputs import held
from symc.verification.record import Verification
from symc.verification.stored import array_in, stored_graph
from symc.verification.subject import Subject, meaning_of
from symc.verification.verify import verify

Arrays = Mapping[str, np.ndarray]


def verify_package(path: str | os.PathLike[str], params: Any = None, inputs: Arrays | None = None,
                   against: Arrays | None = None, seed: int = 0,
                   trust: str | os.PathLike[str] | None = None) -> Verification:
    """Verify the package for this machine.  PackageError: it is damaged, or for other machines.

    params: the original parameters (a path, or arrays by name), with which its network is interpreted instead of the
    graph that it stores.  inputs: values of inputs; the others are drawn from `seed`.  against: recorded outputs by
    name, beside values of inputs, to compare with.  trust: the public key that must have signed it.  Of several plans
    the first is verified, whose graph is stored.
    """
    package = open_package(path, trust=trust)
    check_everything(package)
    target = package.target_for(this_machine())
    stored = Stored(package)
    subject = stored.subject(params)
    given, expected = stored.sorted(inputs or {}, against)
    compiled_here = subject.lowered is not stored.graph
    explainer = Explainer(subject.roles, subject.tolerances, stored.options if compiled_here else None, stored.trains)
    library = {target.level: package.library(target)}
    found = verify(subject, library, _others(package, target), seed, given, expected, explainer.explain,
                   _against(params, against))
    return replace(found, other_plans=tuple(range(1, len(package.manifest["plans"]))))


def _others(package: Package, target: Target) -> list[str]:
    return [other.level for other in package.targets if other != target]


def _against(params: Any, against: Arrays | None) -> str:
    if against is not None:
        return "recorded outputs"
    return "interpreter: the stored graph" if params is None else "interpreter: the network with its parameters"


@dataclass(frozen=True)
class Stored:
    """What a package tells of how it was made."""

    package: Package

    @cached_property
    def graph(self) -> Graph:
        return stored_graph(self.package)

    @cached_property
    def network(self) -> Graph:
        return parse_graph(self.package.text("network.json"), "network.json")

    @property
    def trains(self) -> bool:
        return "backward" in self.package.plan.entries

    @cached_property
    def options(self) -> Options:
        told = self.package.manifest["options"]
        return Options(precision=told.get("precision", "fp32"), fast_math=told.get("fast_math", False))

    @cached_property
    def tolerances(self) -> Tolerances:
        return Tolerances(self.options.precision, self.options.fast_math)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {item["name"]: tuple(item["shape"]) for item in self.package.manifest["plans"][0]["inputs"]}

    @cached_property
    def dtypes(self) -> dict[str, DType]:
        return {item["name"]: DType.of(item["dtype"]) for item in self.package.manifest["plans"][0]["inputs"]}

    def subject(self, params: Any) -> Subject:
        """With the stored graph as its meaning, or with the network and these parameters."""
        plan, weights = self.package.plan, self.package.weights()
        if params is None:
            roles = with_types(self.network, inferred(self.network, self.shapes, self.dtypes))
            return Subject(self.graph, roles, self.graph, plan, weights, self.initial, self.tolerances)
        made = self._lowered(params)
        again = print_graph(made.graph, sources=False) == print_graph(self.graph, sources=False)
        return Subject(meaning_of(made.source, made.requests), made.source, made.graph if again else self.graph, plan,
                       weights, made.initial, self.tolerances)

    @cached_property
    def initial(self) -> dict[str, np.ndarray]:
        """First values of inputs and states, which lie in the weights."""
        block = self.package.weights()
        return {buffer.name: array_in(block, buffer) for buffer in self.package.plan.buffers
                if buffer.kind in ("input", "state") and buffer.offset is not None}

    def _lowered(self, params: Any) -> Lowered:
        """The network after all passes, made anew of the original parameters."""
        arrays = load_parameters(params, {node.name for node in states_of(self.network)})
        shapes = {name: shape for name, shape in self.shapes.items() if name not in arrays}
        dtypes = {name: dtype for name, dtype in self.dtypes.items() if name not in arrays}
        requests = {g.variable.name: g.req for g in self.graph.gradients}
        prepared = compiler.prepare(self.network, arrays, shapes, (), requests if self.trains else False, "cpu", dtypes,
                                    self.options)
        return prepared.lowered[0]

    def sorted(self, inputs: Arrays, against: Arrays | None) -> tuple[dict[str, np.ndarray], Numbers | None]:
        """Values of inputs in their dtypes, and expected outputs, which may stand side by side in `against`."""
        names = [item["name"] for item in self.package.manifest["outputs"]]
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
        if array.shape != self.shapes[name]:
            raise SymcError(f"input '{name}' has shape {array.shape}, expected {self.shapes[name]}")
        return array if array.dtype == self.dtypes[name].numpy else held(array, self.dtypes[name])
