"""Optimizer updates: recorded cases, states, what is skipped, compiled steps."""

from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.errors import InferenceError
from symc.ops.operator import make, run_reference
from symc.ops.registry import REGISTRY
from tests.golden import Case, differences, each_case

STEP = {"lr": 0.1, "wd": 0.05}
FURTHER = {"_adamw_update": {"eta": 0.5}, "_mp_adamw_update": {"eta": 0.5}, "ftml_update": {"t": 2},
           "lamb_update_phase1": {"t": 2}, "mp_lamb_update_phase1": {"t": 2}, "multi_lars": {"eta": 0.1, "eps": 1e-6}}
UPDATES = sorted({block.name for name, block in REGISTRY.items()
                  if block.__module__ == "symc.ops.families.optimizer" and not block.hidden})


@each_case("optimizer")
def test_recorded(case: Case) -> None:
    assert not differences(case)


def inputs_of(name: str) -> dict[str, np.ndarray]:
    """Random inputs; those of multi-precision updates are float16 beside float32."""
    generator = np.random.default_rng(3)
    block: Any = REGISTRY[name]
    half = name.startswith(("mp_", "_mp_"))
    arrays = {}
    for key in block.inputs:
        shape = (1,) if key in ("r1", "r2", "rescale_grad") else (3, 5)
        dtype = np.float16 if half and key not in block.in_single else np.float32
        arrays[key] = generator.uniform(0.5, 2, shape).astype(dtype)
    return arrays


def made(name: str) -> dict[str, float]:
    known = REGISTRY[name].__dataclass_fields__  # type: ignore[attr-defined]
    return {key: value for key, value in (STEP | FURTHER.get(name, {})).items() if key in known}


@pytest.mark.parametrize("name", UPDATES)
def test_compiled_steps_are_those_of_the_reference(name: str) -> None:
    arrays = inputs_of(name)
    op = make(name, **made(name))
    expected = run_reference(op, list(arrays.values()))
    symbol = getattr(mx.sym, name, None) or getattr(mx.sym._internal, name)
    update = symbol(*map(mx.sym.var, arrays), **made(name))
    bound = {key: mx.nd.array(value, dtype=value.dtype) for key, value in arrays.items()}
    states = update.list_auxiliary_states()
    executor = update.bind(mx.cpu(), {key: bound[key] for key in update.list_arguments()}, grad_req="null",
                           aux_states={key: bound[key] for key in states})
    written: Any = getattr(op, "written")  # noqa: B009
    results = [executor.forward()[0], *(bound[key] for key in written)]
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_allclose(result.asnumpy(), wanted, rtol=2e-3 if wanted.dtype == np.float16 else 1e-5)


def test_arrays_are_updated_in_place() -> None:
    weight, grad, mom = (mx.nd.array([value]) for value in (1.0, 2.0, 4.0))
    memory = mom.memory
    assert mx.nd.sgd_mom_update(weight, grad, mom, out=weight, lr=0.5, momentum=0.25) is weight
    assert mom.memory is memory and mom.asscalar() == 0 and weight.asscalar() == 1


@pytest.mark.parametrize("scale", [0, np.nan, np.inf])
def test_adamw_skips_overflown_steps(scale: float) -> None:
    arrays = inputs_of("_adamw_update") | {"rescale_grad": np.array([scale], np.float32)}
    results = run_reference(make("_adamw_update", lr=1, eta=1), list(arrays.values()))
    for result, key in zip(results, ("weight", "mean", "var", "grad"), strict=True):
        np.testing.assert_array_equal(result, arrays[key])


def test_adamw_leaves_the_gradient_clipped() -> None:
    grad = mx.nd.array([4.0, -9.0])
    states = [mx.nd.zeros(2), mx.nd.zeros(2), mx.nd.array([0.5])]
    mx.nd._internal._adamw_update(mx.nd.ones(2), grad, *states, lr=0.1, eta=1, clip_gradient=3)
    np.testing.assert_array_equal(grad.asnumpy(), [2, -3])


def test_parameters_are_single_whatever_the_weight_is() -> None:
    ones = np.ones(1)
    _, _, var = run_reference(make("adam_update", lr=0.1), [ones, ones, 0 * ones, 0 * ones])
    assert var == 1 - np.float64(np.float32(0.999))


def test_nan_passes_the_clip() -> None:
    weight, grad = np.zeros(2, np.float32), np.array([np.nan, 5], np.float32)
    (y,) = run_reference(make("sgd_update", lr=1, clip_gradient=2), [weight, grad])
    np.testing.assert_array_equal(y, [np.nan, -2])


@pytest.mark.parametrize(("name", "arrays", "message"), [
    ("sgd_update", [np.zeros(2, np.int32)] * 2, "weights are float16, float32 or float64"),
    ("lamb_update_phase2", [np.zeros(2, np.float32)] * 4, "r1 has shape"),
])
def test_refusals(name: str, arrays: list[np.ndarray], message: str) -> None:
    with pytest.raises(InferenceError, match=message):
        getattr(mx.nd, name)(*(mx.nd.array(value, dtype=value.dtype) for value in arrays), lr=0.1)
