"""Choices between schedules: right numbers for every one, and what their timing gives."""

import pytest

from symc.codegen import lower, time_choices
from symc.codegen.choice import CHUNKS, COLUMNS, MODEL, Choice
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_contraction import ContractionRequest, choices
from symc.codegen.llvm_nest import nests_of
from symc.codegen.llvm_schedule import choose
from symc.codegen.llvm_weights import weight_layout
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Window, matrix_product
from symc.passes.fuse import Fuse
from tests.codegen.test_llvm_contraction import check

LEVEL = "x86-64-v3"
BLOCKED = "aBcd16b"


def product(m=37, n=64, k=50):
    spec = matrix_product(None, m, n, k, False, True)
    weight = TensorType((n, k), DType.float32, weight_layout(spec, (n, k)))
    return ContractionRequest(spec, TensorType((m, k), DType.float32), weight, (TensorType((m, n), DType.float32),))


def convolution(kind="forward", channels=32, filters=48, image=13, kernel=3, groups=1, stride=1):
    output = (image + 2 * (kernel // 2) - kernel) // stride + 1
    window = Window(1, groups, channels // groups, filters // groups, (image,) * 2, (output,) * 2, (kernel,) * 2,
                    (stride,) * 2, (1, 1), (kernel // 2,) * 2)
    spec, shape = getattr(window, kind)(), (filters, channels // groups, kernel, kernel)
    data = TensorType((1, channels, image, image), DType.float32, BLOCKED)
    result = TensorType((1, filters, output, output), DType.float32, BLOCKED)
    layout = weight_layout(spec, shape) if kind != "weight_gradient" else None
    weight = TensorType(shape, DType.float32, layout)
    operands = {"forward": (data, weight, result), "image_gradient": (result, weight, data),
                "weight_gradient": (data, result, weight)}[kind]
    return ContractionRequest(spec, *operands[:2], operands[2:])


KINDS = {
    "product": product(), "long product": product(150, 48, 4096), "3x3": convolution(),
    "1x1": convolution(channels=64, kernel=1, image=20), "strided": convolution(stride=2),
    "depthwise": convolution(channels=32, filters=32, groups=32),
    "image gradient": convolution("image_gradient", stride=2), "weight gradient": convolution("weight_gradient")}


@pytest.mark.parametrize("kind", KINDS)
def test_every_choice_gives_the_same_sums(kind):
    found = choices(KINDS[kind], LEVEL, 5, 2)
    assert found[0] == MODEL and len(found) == len(set(found)) > 1
    for choice in found[1:]:
        check(KINDS[kind], level=LEVEL, choice=choice)


def test_ranks_beyond_the_last_tile_are_the_last():
    request = product(2, 16, 8)
    assert len(choices(request, LEVEL, 100, 0)) < 100
    check(request, choice=Choice(99))


def test_the_order_of_jobs_is_a_choice():
    request = convolution(channels=512, filters=128, image=28, kernel=1)
    nest, = nests_of(request.spec, request.types, ())

    def axes(choice):
        return [tiling.axis for tiling in choose(nest, LEVELS[LEVEL].core, 4, choice).tilings]
    assert axes(MODEL) == axes(Choice(0, CHUNKS)) == ["y0.y1", "o/16"]
    assert axes(Choice(0, COLUMNS)) == ["o/16", "y0.y1"]
    found = choices(request, LEVEL, 2, 1)
    assert Choice(0, COLUMNS) in found and Choice(0, CHUNKS) not in found


@pytest.mark.parametrize("choice", [MODEL, Choice(3), Choice(0, COLUMNS), Choice(12, CHUNKS)], ids=str)
def test_choices_are_read_as_they_are_written(choice):
    assert Choice.parse(str(choice)) == choice


@pytest.mark.parametrize("text", ["tile", "3", "tile1rows", "tile01", "tile0", "columns"])
def test_other_texts_are_no_choices(text):
    with pytest.raises(ValueError):
        Choice.parse(text)


# ---- timing --------------------------------------------------------------------------------------------------------


TEXTS = {
    "product": """
        %x: f32[5,40]    %w: f32[48,40]    %b: f32[48]
        %y = FullyConnected(%x, %w, %b) num_hidden=48
        %z = relu(%y)
        heads %z, %y""",
    "convolution": """
        %x: f32[1,16,9,9]:aBcd16b    %w: f32[32,16,3,3]:ABcd16b16a
        %y: f32[1,32,9,9]:aBcd16b = Convolution(%x, %w) kernel=(3,3) pad=(1,1) num_filter=32 no_bias=True
        heads %y""",
    "doubles": "%x: f64[6,20]\n%w: f64[20,33]\n%y = dot(%x, %w)\nheads %y",
    "twice the same": "%x: f32[32,32]\n%y = dot(%x, %x)\n%z = elemwise_add(%y, %x)\nheads %z",
    "half precision": "%x: f16[4,4]\n%y = dot(%x, %x)\nheads %y",
}


def group_of(graph, kind):
    (node,) = [node for node in Fuse()(graph(TEXTS[kind])).nodes if node.op is not None]
    return node.op.graph


@pytest.mark.parametrize("kind", list(TEXTS)[:-1])
def test_a_group_is_timed(graph, kind, monkeypatch):
    monkeypatch.setattr(time_choices, "ROUNDS", 3)
    record = time_choices.time_choices(group_of(graph, kind), LEVEL, 1)
    assert 0 < record.best <= record.default < 10 and record.choices > 1 and record.threads == 1
    assert (record.best == record.default) == (record.choice == "")


def test_what_has_no_choice_is_not_timed(graph):
    record = time_choices.time_choices(group_of(graph, "half precision"), LEVEL, 2)
    assert (record.choice, record.choices, record.best) == ("", 1, 0)


@pytest.mark.parametrize(("gain", "chosen"), [(0.01, False), (0.2, True)])
def test_a_small_gain_is_left(graph, gain, chosen, monkeypatch):
    group = group_of(graph, "product")
    options = lower.choices_of(group, LEVEL, time_choices.RANKS, time_choices.RANKS_BY_ORDER)
    monkeypatch.setattr(time_choices._Timer, "_seconds", lambda self, number: 1 - gain * (number == 2))
    record = time_choices.time_choices(group, LEVEL, 1)
    assert record.choice == (str(options[2]) if chosen else "") and record.default == 1
