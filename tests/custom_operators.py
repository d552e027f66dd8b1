"""Custom operators for tests: one that records what it is told, and those of tests that need no more than functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import symc as mx

CALLS: list[tuple[Any, ...]] = []       # of the operator `recording`; tests clear it


class Recording(mx.operator.CustomOp):
    """(2·x, y + state); forward counts in the state, backward adds ten."""

    def forward(self, is_train: bool, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
        CALLS.append(("forward", is_train, req))
        self.assign(out_data[0], req[0], in_data[0] * 2)
        self.assign(out_data[1], req[1], in_data[1] + aux[0])
        aux[0][:] += 1

    def backward(self, req: Any, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any, aux: Any) -> None:
        CALLS.append(("backward", req, [array.shape for array in (*out_grad, *in_data, *out_data)]))
        for gradient, request, other in zip(in_grad, req, (2, 1), strict=True):
            self.assign(gradient, request, mx.nd.ones(gradient.shape) * other)
        aux[0][:] += 10


@mx.operator.register("recording")
class RecordingProp(mx.operator.CustomOpProp):
    """needs: the numbers of what backward reads, as '0,3'; by default everything."""

    def __init__(self, needs: str = "0,1,2,3,4,5") -> None:
        super().__init__()
        self.needs = [int(number) for number in needs.split(",") if number]

    def list_arguments(self) -> list[str]:
        return ["x", "y"]

    def list_outputs(self) -> list[str]:
        return ["twice", "sum"]

    def list_auxiliary_states(self) -> list[str]:
        return ["state"]

    def infer_shape(self, in_shape: Any) -> tuple[Any, ...]:
        return [in_shape[0], in_shape[0]], [in_shape[0], in_shape[0]], [in_shape[0]]

    def declare_backward_dependency(self, out_grad: Any, in_data: Any, out_data: Any) -> list[int]:
        return self.needs

    def create_operator(self, ctx: Any, in_shapes: Any, in_dtypes: Any) -> Recording:
        CALLS.append(("create", str(ctx), in_shapes, in_dtypes))
        return Recording()


def register(name: str, forward: Callable[..., None], backward: Callable[..., None] | None = None,
             arguments: tuple[str, ...] = ("data",), **methods: Any) -> None:
    """Register an operator of functions: forward(self, in_data, out_data), backward(self, out_grad, in_data, in_grad).

    methods: of the property, each a function of it and the method's arguments.
    """
    class Made(mx.operator.CustomOp):
        def forward(self, is_train: bool, req: Any, in_data: Any, out_data: Any, aux: Any) -> None:
            forward(self, in_data, out_data)

        def backward(self, req: Any, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any, aux: Any) -> None:
            assert backward is not None
            backward(self, out_grad, in_data, in_grad)

    def create_operator(self: Any, ctx: Any, in_shapes: Any, in_dtypes: Any) -> Made:
        return Made()
    given = {"list_arguments": lambda self: list(arguments), "create_operator": create_operator, **methods}
    mx.operator.register(name)(type("Prop", (mx.operator.CustomOpProp,), given))
