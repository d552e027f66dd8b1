"""Cells that change what another cell does: DropoutCell, ModifierCell, ZoneoutCell, ResidualCell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from typing import Any

from symc.errors import SymcError
from symc.frontend import symbol_ops
from symc.frontend.rnn.base import BaseRNNCell, Inputs, RNNParams, States, Weights, sequence
from symc.frontend.rnn.containers import BidirectionalCell
from symc.frontend.rnn.fused import FusedRNNCell
from symc.frontend.symbol import Symbol
from symc.runtime.ndarray import NDArray


class DropoutCell(BaseRNNCell):
    """Dropout of the inputs with probability `dropout`; it has no states.  MXNet: DropoutCell."""

    def __init__(self, dropout: float, prefix: str = "dropout_", params: RNNParams | None = None) -> None:
        super().__init__(prefix, params)
        if not isinstance(dropout, Number):
            raise SymcError(f"DropoutCell: dropout={dropout!r} is no number")
        self.dropout = dropout

    @property
    def state_info(self) -> list[Any]:
        return []

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        if self.dropout > 0:
            inputs = symbol_ops.Dropout(data=inputs, p=self.dropout)
        return inputs, list(states)

    def unroll(self, length: int, inputs: Inputs, begin_state: States | None = None, layout: str = "NTC",
               merge_outputs: bool | None = None) -> tuple[Any, States]:
        self.reset()
        given, _ = sequence(length, inputs, layout, merge_outputs)
        if isinstance(given, Symbol):
            return self(given, [])
        return super().unroll(length, given, begin_state=begin_state, layout=layout, merge_outputs=merge_outputs)


class ModifierCell(BaseRNNCell):
    """Base of cells around a cell, `base_cell`, which is no longer to be called itself.  MXNet: ModifierCell."""

    def __init__(self, base_cell: BaseRNNCell) -> None:
        super().__init__()
        base_cell._modified = True
        self.base_cell = base_cell

    @property
    def params(self) -> RNNParams:
        """The parameters of the cell within."""
        self._own_params = False
        return self.base_cell.params

    @property
    def state_info(self) -> list[Any]:
        return self.base_cell.state_info

    def begin_state(self, init_sym: Callable[..., Symbol] = symbol_ops.zeros,  # type: ignore[override]
                    **kwargs: Any) -> States:
        """The initial states of the cell within; see BaseRNNCell."""
        self._check_unmodified()
        return self._unmodified(self.base_cell.begin_state, init_sym, **kwargs)  # type: ignore[no-any-return]

    def _unmodified(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """A call of the base cell, which this cell may make."""
        self.base_cell._modified = False
        try:
            return call(*args, **kwargs)
        finally:
            self.base_cell._modified = True

    def unpack_weights(self, args: Mapping[str, NDArray]) -> Weights:
        """`args` with the weights of the cell within unpacked."""
        return self.base_cell.unpack_weights(args)

    def pack_weights(self, args: Mapping[str, NDArray]) -> Weights:
        """The inverse of `unpack_weights`."""
        return self.base_cell.pack_weights(args)


class ZoneoutCell(ModifierCell):
    """In training outputs and states keep their last values with probabilities zoneout_outputs, zoneout_states.

    Krueger et al., 2016.  MXNet: ZoneoutCell.
    """

    def __init__(self, base_cell: BaseRNNCell, zoneout_outputs: float = 0.0, zoneout_states: float = 0.0) -> None:
        if isinstance(base_cell, FusedRNNCell):
            raise SymcError("ZoneoutCell cannot reach the steps of a FusedRNNCell", "unfuse it: cell.unfuse()")
        if isinstance(base_cell, BidirectionalCell):
            raise SymcError("BidirectionalCell has no single steps", "put ZoneoutCell around the cells in it")
        super().__init__(base_cell)
        self.zoneout_outputs, self.zoneout_states = zoneout_outputs, zoneout_states
        self.prev_output: Symbol | None = None

    def reset(self) -> None:
        """As BaseRNNCell; there is no last output any more."""
        super().reset()
        self.prev_output = None

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        output, new = self.base_cell(inputs, states)
        before = self.prev_output if self.prev_output is not None else symbol_ops.zeros((0, 0))
        if self.zoneout_outputs != 0:
            output = _zoned(output, before, self.zoneout_outputs)
        if self.zoneout_states != 0:
            new = [_zoned(one, old, self.zoneout_states) for one, old in zip(new, states, strict=True)]
        self.prev_output = output
        return output, new


def _zoned(new: Symbol, old: Symbol, p: float) -> Symbol:
    """`old` with probability p, else `new`."""
    mask = symbol_ops.Dropout(symbol_ops.ones_like(new), p=p)
    return symbol_ops.where(mask, new, old)  # type: ignore[no-any-return]


class ResidualCell(ModifierCell):
    """The input is added to the output (Wu et al., 2016).  MXNet: ResidualCell."""

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        output, new = self.base_cell(inputs, states)
        return _with_residual(output, inputs), new

    def unroll(self, length: int, inputs: Inputs, begin_state: States | None = None, layout: str = "NTC",
               merge_outputs: bool | None = None) -> tuple[Any, States]:
        self.reset()
        outputs, states = self._unmodified(self.base_cell.unroll, length, inputs, begin_state, layout, merge_outputs)
        merged = isinstance(outputs, Symbol) if merge_outputs is None else merge_outputs
        added, _ = sequence(length, inputs, layout, merged)
        if merged:
            return _with_residual(outputs, added), states
        return [_with_residual(output, step) for output, step in zip(outputs, added, strict=True)], states


def _with_residual(output: Symbol, inputs: Symbol) -> Symbol:
    return symbol_ops.elemwise_add(output, inputs, name=f"{output.name}_plus_residual")  # type: ignore[no-any-return]
