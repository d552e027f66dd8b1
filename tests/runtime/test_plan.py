"""A plan survives JSON, and what contradicts its contract is found."""

import json
import re
from itertools import product

import pytest

from symc.errors import PackageError
from symc.runtime.calls import ConvolutionCall, ProductCall
from symc.runtime.plan import (
    BranchStep,
    Buffer,
    HostStep,
    Kernel,
    KernelStep,
    LoopStep,
    Plan,
    check,
    find_problems,
)


def buffer(kind, name="x", size=4, offset=None, **more):
    return Buffer(kind, name, "float32", (size,), 4 * size, offset, **more)


# a kernel, a host step, and a loop whose body branches
PLAN = Plan((buffer("input"), buffer("arena", "a", offset=64), buffer("output", layout="aB16b"),
             Buffer("arena", "flag", "int32", (), 4, 0)),
            (Kernel("k0", 12, (0,)), Kernel("k1")),
            (KernelStep(0, (0, 1), 7, 0, per=0), HostStep("custom", (1,), (2,), 1, {"op_type": "mine"}),
             LoopStep((3, 4), 2, trip=3, predicate=3, carry=((1, 0),)),
             BranchStep(3, (4, 5), (5, 5), 0),
             KernelStep(1, (2,), 1, 0)),
            {"infer": (0, 3)}, arena_bytes=128, symbols=("N",))


def test_json_round_trip_is_exact_and_in_a_stable_order():
    check(PLAN)
    text = json.dumps(PLAN.to_json())
    assert Plan.from_json(json.loads(text)) == PLAN
    assert json.dumps(Plan.from_json(json.loads(text)).to_json()) == text
    assert PLAN.to_json()["steps"][3] == {"do": "branch", "predicate": 3, "then": [4, 5], "else": [5, 5], "phase": 0}


def changed_step(number, **changes):
    return PLAN._replace(steps=tuple(step._replace(**changes) if index == number else step
                                     for index, step in enumerate(PLAN.steps)))


@pytest.mark.parametrize("plan, problem", [
    (changed_step(0, buffers=(0, 9)), "step 0 names buffers that do not exist: 9"),
    (changed_step(0, kernel=5), "calls kernel 5"),
    (changed_step(0, per=1), "a symbol that does not exist"),
    (changed_step(4, kernel=0), "another number of buffers"),
    (changed_step(0, phase=2), "phases fall within"),
    (changed_step(2, body=(3, 9)), "does not lie within the 5 steps"),
    (changed_step(2, body=(1, 2)), "overlap"),
    (changed_step(3, then=(3, 4)), "overlap"),
    (changed_step(2, trip=None), "either 'trip' or 'trip_buffer'"),
    (changed_step(2, carry=((3, 0),)), "carries between buffers of different sizes"),
    (PLAN._replace(kernels=(PLAN.kernels[0], Kernel("k-1"))), "kernel 1 has the name 'k-1'"),
    (PLAN._replace(kernels=(PLAN.kernels[0], Kernel("k0"))), "kernel 1 has the same name 'k0'"),
    (PLAN._replace(arena_bytes=64), "buffer 1 'a' ends at byte 80, the arena block at 64"),
    (PLAN._replace(buffers=(buffer("inputs"), *PLAN.buffers[1:])), "unknown kind 'inputs'"),
    (PLAN._replace(buffers=(PLAN.buffers[0]._replace(bytes=8), *PLAN.buffers[1:])), "its shape (4,) needs 16"),
    (PLAN._replace(buffers=(PLAN.buffers[0]._replace(dtype="complex64"), *PLAN.buffers[1:])), "unknown dtype"),
    (PLAN._replace(buffers=(*PLAN.buffers[:3], PLAN.buffers[3]._replace(offset=None))), "has no offset"),
    (PLAN._replace(buffers=(*PLAN.buffers[:3], PLAN.buffers[3]._replace(offset=2))), "not a multiple of 4"),
    (PLAN._replace(buffers=(PLAN.buffers[0], PLAN.buffers[1], PLAN.buffers[2]._replace(offset=0), PLAN.buffers[3])),
     "the output block at 0"),
    (PLAN._replace(buffers=(PLAN.buffers[0]._replace(shape=(2**62,) * 32), *PLAN.buffers[1:])), "that no array has"),
    (PLAN._replace(buffers=(PLAN.buffers[0]._replace(shape=(0,) + (1,) * 32), *PLAN.buffers[1:])), "that no array has"),
    (PLAN._replace(buffers=(PLAN.buffers[0]._replace(shape=(0,)), *PLAN.buffers[1:])), "has 16 bytes, its shape"),
    (changed_step(3, predicate=0), "buffer 0 of shape (4,) for a single element"),
    (changed_step(2, counter=0), "buffer 0 of shape (4,) for a single element")])
def test_problems(plan, problem):
    assert problem in "\n".join(find_problems(plan))
    with pytest.raises(AssertionError):
        check(plan)
    with pytest.raises(PackageError, match="malformed"):
        Plan.from_json(plan.to_json())


@pytest.mark.parametrize("path, value", [
    (("format",), 2), (("buffers",), None), (("buffers", 0, "shape"), [-1]), (("buffers", 0, "shape"), "4"),
    (("buffers", 0, "bytes"), 1.5), (("buffers", 0, "colour"), 1), (("kernels", 0, "name"), 7),
    (("steps", 0, "do"), "x"),
    (("steps", 2, "carry"), [[1]]), (("steps", 1, "attributes"), {"a": 1}), (("entries", "infer"), [0]),
    (("arena_bytes",), True), (("kernels", 0), []), (("steps", 0), 3), (("entries",), [1])])
def test_json_of_another_form(path, value):
    data = json.loads(json.dumps(PLAN.to_json()))
    *outer, last = path
    target = data
    for key in outer:
        target = target[key]
    target[last] = value
    with pytest.raises(PackageError, match="the plan is malformed"):
        Plan.from_json(data)


def test_entries_may_share_a_range():
    assert not find_problems(PLAN._replace(entries={"infer": (0, 3), "forward": (0, 3)}))


def test_a_plan_that_does_nothing():
    assert Plan.from_json(Plan((), (), (), {"infer": (0, 0)}).to_json()).entries == {"infer": (0, 0)}
    with pytest.raises(PackageError, match="a list is no record"):
        Plan.from_json([])


def test_ids_of_a_kind():
    assert PLAN.of_kind("arena") == (1, 3) and PLAN.of_kind("gradient") == ()


def test_names_that_linkers_take():
    rule = re.compile(r"[A-Za-z_][A-Za-z0-9_.$]*")
    for letters in ("".join(some) for count in range(4) for some in product("aZ9_.$- é²\n", repeat=count)):
        assert any("no linker" in problem for problem in find_problems(PLAN._replace(
            kernels=(Kernel(letters), Kernel("k1"))))) == (rule.fullmatch(letters) is None)


# ---- calls of libraries --------------------------------------------------------------------------------------------

# 3x5 by 5x4 with a bias, and a kernel behind it
CALLING = Plan(tuple(buffer("input", name, size) for name, size in (("a", 15), ("b", 20), ("d", 12), ("bias", 3))),
               (Kernel("k0"), Kernel("k1")), (KernelStep(0, (0, 1, 2, 3), 1, 0), KernelStep(1, (2,), 1, 0)),
               {"infer": (0, 1)},
               calls=(ProductCall("cublaslt", (0, 1), (0, 1, 2, 3), ("float32", "float32"), (3, 4, 5, 1), (5, 5, 3),
                                  (0, 0, 0), (0, 0, 0), (1, 0), "float32", ("bias",), (1, 2)),))


def test_calls_survive_json():
    data = json.loads(json.dumps(CALLING.to_json()))
    assert Plan.from_json(data) == CALLING and data["calls"][0]["do"] == "product"
    data["calls"].append({"do": "something new", "anything": 1})
    assert Plan.from_json(data) == CALLING
    assert "calls" not in PLAN.to_json()


@pytest.mark.parametrize("changes, problem", [
    ({"sizes": (3, 4, 5)}, "too many or too few numbers"), ({"epilogue": ()}, "too many or too few numbers"),
    ({"buffers": (0, 1, 2, 7)}, "names buffers that do not exist"),
    ({"epilogue": ("relu", "bias")}, "computes what is not known: float32, relu, bias"),
    ({"compute": "float8"}, "computes what is not known: float8"),
    ({"dtypes": ("float32", "float")}, "computes what is not known"),
    ({"leading": (6, 5, 3)}, "leaves its buffers"), ({"begins": (0, 1, 0)}, "leaves its buffers"),
    ({"sizes": (3, 4, 5, 2)}, None), ({"sizes": (3, 4, 5, 2), "strides": (0, 0, 1)}, "leaves its buffers"),
    ({"dtypes": ("float16", "float32")}, None), ({"buffers": (0, 1, 2, 2)}, None),
    ({"steps": (0, 0)}, "stands for steps that are no kernels"), ({"rest": (1, 3)}, "steps that are no kernels"),
    ({"rest": (0, 1)}, "overlap")])
def test_problems_of_calls(changes, problem):
    call, = CALLING.calls
    found = find_problems(CALLING._replace(calls=(call._replace(**changes),)))
    assert found == [] if problem is None else problem in found[0]


CONVOLVING = Plan(tuple(buffer("input", name, size) for name, size in (("x", 36), ("w", 72), ("y", 16), ("bias", 4))),
                  (Kernel("k0"),), (KernelStep(0, (0, 1, 2, 3), 1, 0),), {"infer": (0, 1)},
                  calls=(ConvolutionCall("cudnn", (0, 1), (0, 1, 2, 3), "float32", (1, 4, 3, 3), (4, 2, 3, 3),
                                         (1, 4, 2, 2), (1, 1), (2, 2), (1, 1), 2, "tf32", ("bias", "relu")),))


@pytest.mark.parametrize("changes, problem", [
    ({}, None), ({"dtype": "float16"}, None), ({"pad": (1,)}, "too many or too few numbers"),
    ({"epilogue": ("bias",)}, "computes what is not known"), ({"dtype": "float64"}, "computes what is not known"),
    ({"pad": (0, 0)}, "shapes that do not fit"), ({"groups": 1}, "shapes that do not fit"),
    ({"groups": 0}, "shapes that do not fit"), ({"stride": (0, 2)}, "shapes that do not fit"),
    ({"image": (2, 4, 3, 3), "result": (2, 4, 2, 2)}, "leaves its buffers")])
def test_problems_of_convolutions(changes, problem):
    plan = CONVOLVING._replace(calls=(CONVOLVING.calls[0]._replace(**changes),))
    assert Plan.from_json(json.loads(json.dumps(CONVOLVING.to_json()))) == CONVOLVING
    found = find_problems(plan)
    assert found == [] if problem is None else problem in found[0]
