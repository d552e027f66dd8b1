"""Cells made of cells: SequentialRNNCell, BidirectionalCell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symc.errors import SymcError
from symc.frontend import symbol_ops
from symc.frontend.rnn.base import BaseRNNCell, Inputs, RNNParams, States, Weights, sequence
from symc.frontend.symbol import Symbol
from symc.runtime.ndarray import NDArray


class Container(BaseRNNCell):
    """Base: the parameters and states are those of the cells within."""

    def __init__(self, params: RNNParams | None) -> None:
        super().__init__(prefix="", params=params)
        self._override_cell_params = params is not None
        self._cells: list[BaseRNNCell] = []

    def _hold(self, cell: BaseRNNCell) -> None:
        if self._override_cell_params:
            if not cell._own_params:
                raise SymcError(f"{type(self).__name__} and a cell in it are both given params", "give them to one")
            cell.params._params.update(self.params._params)
        self._cells.append(cell)
        self.params._params.update(cell.params._params)

    @property
    def state_info(self) -> list[Any]:
        return [info for cell in self._cells for info in cell.state_info]

    def begin_state(self, func: Callable[..., Symbol] = symbol_ops.zeros, **kwargs: Any) -> States:
        """The initial states of all cells; see BaseRNNCell."""
        self._check_unmodified()
        return [state for cell in self._cells for state in cell.begin_state(func, **kwargs)]

    def unpack_weights(self, args: Mapping[str, NDArray]) -> Weights:
        """`args` with the weights of all cells unpacked."""
        for cell in self._cells:
            args = cell.unpack_weights(args)
        return dict(args)

    def pack_weights(self, args: Mapping[str, NDArray]) -> Weights:
        """The inverse of `unpack_weights`."""
        for cell in self._cells:
            args = cell.pack_weights(args)
        return dict(args)

    def _shares(self, states: Sequence[Any]) -> list[Sequence[Any]]:
        """The states of each cell."""
        shares, begin = [], 0
        for cell in self._cells:
            count = len(cell.state_info)
            shares.append(states[begin:begin + count])
            begin += count
        return shares


class SequentialRNNCell(Container):
    """Cells on top of each other, each reading the outputs of the one before.  MXNet: SequentialRNNCell."""

    def __init__(self, params: RNNParams | None = None) -> None:
        super().__init__(params)

    def add(self, cell: BaseRNNCell) -> None:
        """Put `cell` on top."""
        self._hold(cell)

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        self._counter += 1
        new: States = []
        for cell, share in zip(self._cells, self._shares(states), strict=True):
            inputs, states = cell(inputs, share)
            new.extend(states)
        return inputs, new

    def unroll(self, length: int, inputs: Inputs, begin_state: States | None = None, layout: str = "NTC",
               merge_outputs: bool | None = None) -> tuple[Any, States]:
        self.reset()
        shares = self._shares(self.begin_state() if begin_state is None else begin_state)
        last, new = len(self._cells) - 1, []
        for i, (cell, share) in enumerate(zip(self._cells, shares, strict=True)):
            inputs, states = cell.unroll(length, inputs=inputs, begin_state=list(share), layout=layout,
                                         merge_outputs=merge_outputs if i == last else None)
            new.extend(states)
        return inputs, new


class BidirectionalCell(Container):
    """One cell from the first step to the last and one from the last to the first, their outputs side by side.

    It can only be unrolled.  output_prefix: of the names of the outputs.  MXNet: BidirectionalCell.
    """

    def __init__(self, l_cell: BaseRNNCell, r_cell: BaseRNNCell, params: RNNParams | None = None,
                 output_prefix: str = "bi_") -> None:
        super().__init__(params)
        self._output_prefix = output_prefix
        self._hold(l_cell)
        self._hold(r_cell)

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        raise NotImplementedError("BidirectionalCell has no single steps: use unroll")

    def unroll(self, length: int, inputs: Inputs, begin_state: States | None = None, layout: str = "NTC",
               merge_outputs: bool | None = None) -> tuple[Any, States]:
        self.reset()
        steps, axis = sequence(length, inputs, layout, False)
        states = self.begin_state() if begin_state is None else begin_state
        split = len(self._cells[0].state_info)
        left, left_states = self._cells[0].unroll(length, inputs=steps, begin_state=states[:split], layout=layout,
                                                  merge_outputs=merge_outputs)
        right, right_states = self._cells[1].unroll(length, inputs=list(reversed(steps)), begin_state=states[split:],
                                                    layout=layout, merge_outputs=merge_outputs)
        new = [left_states, right_states]
        if merge_outputs or (merge_outputs is None and isinstance(left, Symbol) and isinstance(right, Symbol)):
            return self._whole(left, right, axis), new
        return self._by_step(_as_steps(left, length, axis), _as_steps(right, length, axis)), new

    def _whole(self, left: Symbol, right: Symbol, axis: int) -> Symbol:
        turned = symbol_ops.reverse(right, axis=axis)
        return symbol_ops.Concat(left, turned, dim=2, name=f"{self._output_prefix}out")  # type: ignore[no-any-return]

    def _by_step(self, left: Sequence[Symbol], right: Sequence[Symbol]) -> list[Symbol]:
        return [symbol_ops.Concat(one, other, dim=1, name=f"{self._output_prefix}t{i}")
                for i, (one, other) in enumerate(zip(left, reversed(right), strict=True))]


def _as_steps(outputs: Any, length: int, axis: int) -> list[Symbol]:
    if not isinstance(outputs, Symbol):
        return list(outputs)
    return list(symbol_ops.SliceChannel(outputs, axis=axis, num_outputs=length, squeeze_axis=1))
