"""Programs walk entries: kernels, host functions, loops and branches, also inside each other."""

import numpy as np
import pytest

from symc.errors import MXNetError, SymcError
from symc.runtime.plan import BranchStep, Buffer, HostStep, Kernel, LoopStep, Plan, check
from symc.runtime.program import Program

SIZE = 4


def integer(name, offset):
    return Buffer("arena", name, "int64", (), 8, offset)


def program(native, steps, entry, hosts=None, symbols=()):
    """Buffers 0 x, 1 y (bound), 2 flag, 3 index, 4 trips (integers), 5 z; kernels 0 increase, 1 scale, 2 add."""
    plan = Plan((native.buffer("input", "x", SIZE), native.buffer("output", "y", SIZE), integer("flag", 0),
                 integer("index", 64), integer("trips", 128), native.buffer("arena", "z", SIZE, 192)),
                (Kernel("increase"), Kernel("scale"), Kernel("add")), steps, {"infer": entry}, arena_bytes=256,
                symbols=symbols)
    check(plan)
    made = Program(plan, native.library(plan), hosts=hosts)
    made.bind(0, np.zeros(SIZE, np.float32))
    made.bind(1, np.zeros(SIZE, np.float32))
    return made


def test_a_loop_around_a_branch_around_a_loop(native):
    step = native.step
    made = program(native, (
        LoopStep((1, 3), 0, trip=5, counter=3),
        HostStep("is_odd", (3,), (2,), 0), BranchStep(2, (3, 4), (4, 5), 1),
        LoopStep((5, 6), 0, trip=2),                # odd: twice + 10
        step(1, (0, 0), SIZE, 0),                   # even: double
        HostStep("add_ten", (0,), (0,), 0)), (0, 1), hosts={
            "is_odd": lambda program, attributes, inputs, outputs: outputs[0].fill(inputs[0].item() % 2),
            "add_ten": lambda program, attributes, inputs, outputs: outputs[0].__iadd__(10)})
    made.run("infer")
    assert made.array(0).tolist() == [((0 * 2 + 20) * 2 + 20) * 2] * SIZE
    assert made.array(3).item() == 5


def test_each_new_array_is_written_alone(native):
    made = program(native, (native.step(1, (0, 1), SIZE, 0),), (0, 1))
    made.array(0)[:] = 3
    first = made.bind_new(1)
    made.run("infer")
    expected = first.copy()
    made.array(0)[:] = 4
    second = made.bind_new(1)
    made.run("infer")
    assert made.array(1) is second and second[0] > first[0]
    np.testing.assert_array_equal(first, expected)


def test_trip_count_from_a_buffer(native):
    made = program(native, (LoopStep((1, 2), 0, trip_buffer=4), native.step(0, (0, 0), SIZE, 0)), (0, 1))
    for trips in (3, 0, 1):
        made.array(4)[...] = trips
        made.array(0)[:] = 0
        made.run("infer")
        assert made.array(0).tolist() == [trips] * SIZE


def test_predicate_ends_a_loop_and_index_says_how_many_ran(native):
    made = program(native, (LoopStep((1, 3), 0, trip=100, predicate=2, counter=3), native.step(0, (0, 0), SIZE, 0),
                            HostStep("below", (0,), (2,), 1)), (0, 1), hosts={
        "below": lambda program, attributes, inputs, outputs: outputs[0].fill(inputs[0][0] < 7)})
    made.array(2)[...] = 1
    made.run("infer")
    assert made.array(0).tolist() == [7] * SIZE and made.array(3).item() == 7
    made.run("infer")
    assert made.array(3).item() == 0


def test_carried_values_are_copied_all_at_once(native):
    loop = LoopStep((1, 2), 0, trip=3, carry=((0, 1), (1, 0)))
    made = program(native, (loop, native.step(0, (0, 0), SIZE, 0)), (0, 1))
    made.array(1)[:] = 10
    made.run("infer")
    assert (made.array(0)[0], made.array(1)[0]) == (11, 2)


def test_host_steps_split_kernel_runs_and_get_their_attributes(native):
    seen = []

    def host(program, attributes, inputs, outputs):
        seen.append((attributes["op"], inputs[0][0]))
        outputs[0][:] = inputs[0] * 100

    made = program(native, (native.step(0, (0, 5), SIZE, 0), HostStep("h", (5,), (5,), 1, {"op": "mine"}),
                            native.step(0, (5, 1), SIZE, 2)), (0, 3), hosts={"h": host})
    made.run("infer")
    assert seen == [("mine", 1)] and made.array(1).tolist() == [101] * SIZE


def test_a_failing_host_function_leaves_the_program_usable(native):
    fail = [True]

    def host(program, attributes, inputs, outputs):
        if fail:
            raise RuntimeError("mine")

    made = program(native, (HostStep("h", (), (), 0), native.step(0, (0, 1), SIZE, 1)), (0, 2), hosts={"h": host})
    with pytest.raises(RuntimeError, match="mine"):
        made.run("infer")
    fail.clear()
    made.run("infer")
    assert made.array(1).tolist() == [1] * SIZE


def test_a_host_step_binds_a_symbol(native):
    step = native.step(0, (0, 1), 1, 1)
    steps = (HostStep("count", (), (), 0), type(step)(0, (0, 1), 1, 1, per=0))
    made = program(native, steps, (0, 2), symbols=("N",), hosts={
        "count": lambda program, attributes, inputs, outputs: program.bind_symbol("N", 3)})
    made.run("infer")
    assert made.array(1).tolist() == [1, 1, 1, 0]


def test_errors_name_what_is_wrong(native):
    steps = (native.step(0, (0, 1), SIZE, 0),)
    made = program(native, steps, (0, 1))
    for array, message in ((np.zeros(3, np.float32), r"input 'x' is float32 \(3,\), expected float32 \(4,\)"),
                           (np.zeros(SIZE), "is float64"), (np.zeros(8, np.float32)[::2], "not contiguous")):
        with pytest.raises(SymcError, match=message):
            made.bind(0, array)
    with pytest.raises(SymcError, match="no entry 'backward', only infer"):
        made.run("backward")
    other = Program(made.plan, made.library)
    other.bind(0, np.zeros(SIZE, np.float32))
    with pytest.raises(SymcError, match="output 'y' is not bound"):
        other.run("infer")
    with pytest.raises(SymcError, match="host function 'h', which is not registered"):
        program(native, (HostStep("h", (), (), 0),), (0, 1))


def test_no_memory_says_how_much_is_needed(native):
    plan = Plan((native.buffer("input", "x", 4),), (Kernel("increase"),), (native.step(0, (0, 0), 4, 0),),
                {"infer": (0, 1)}, arena_bytes=2**60)
    made = Program(plan, native.library(plan))
    made.bind(0, np.zeros(4, np.float32))
    with pytest.raises(SymcError, match=r"arena of intermediate results needs 1152921504606846976 bytes \(1073741824"):
        made.run("infer")


def test_first_values_of_inputs_and_states_come_from_the_weights(native):
    plan = Plan((native.buffer("input", "x", 4, 0), native.buffer("state", "s", 4, 64)), (Kernel("add"),),
                (native.step(0, (0, 1, 1), 4, 0),), {"infer": (0, 1)}, weights_bytes=128)
    check(plan)
    weights = np.zeros(128, np.uint8)
    weights.view(np.float32)[:4] = 5
    weights.flags.writeable = False
    made = Program(plan, native.library(plan), weights)
    made.run("infer")
    made.run("infer")
    assert made.array(1).tolist() == [10] * 4 and not weights.view(np.float32)[16:].any()


def test_a_kernel_that_sets_its_status_fails(native):
    status = Buffer("status", "node 'y': no such thing", "int32", (1,), 4)
    plan = Plan((native.buffer("input", "x", 1), status), (Kernel("increase"),), (native.step(0, (0, 1), 1, 0),),
                {"infer": (0, 1)})
    check(plan)
    made = Program(plan, native.library(plan))
    for value in (0, 7):
        made.bind(0, np.full(1, value, np.float32))
        with pytest.raises(MXNetError, match="node 'y': no such thing"):
            made.run("infer")
    made.bind(0, np.full(1, -1, np.float32))
    made.run("infer")
