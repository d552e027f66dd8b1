"""Contractions as products of matrices by columns, computed as such by NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from symc.codegen.matrix_products import Matrices, matrices_of
from symc.ops.contraction import Contraction, Window, axes, evaluate, matrix_product
from symc.ops.families.strided_product import StridedProduct


def window(**fields):
    return Window(**{"batch": 2, "groups": 1, "in_channels": 3, "out_channels": 4, "image": (5, 6), "output": (5, 6),
                     "kernel": (1, 1), "stride": (1, 1), "dilate": (1, 1), "pad": (0, 0), **fields})


def strided(names, extents, left, right, result, begins=((0,) * 4, (0,) * 4)):
    return StridedProduct(names, extents, left, right, result, *begins).contraction([])


PRODUCTS = {
    **{f"transposed {a} {b}": (matrix_product(None, 5, 6, 7, a, b), (7, 5) if a else (5, 7), (6, 7) if b else (7, 6),
                               (5, 6)) for a, b in itertools.product((False, True), repeat=2)},
    **{f"stack transposed {a} {b}": (matrix_product(3, 5, 6, 7, a, b), (3, 7, 5) if a else (3, 5, 7),
                                     (3, 6, 7) if b else (3, 7, 6), (3, 5, 6))
       for a, b in itertools.product((False, True), repeat=2)},
    "pixels of images": (window().forward(), (2, 3, 5, 6), (4, 3, 1, 1), (2, 4, 5, 6)),
    "pixels of an image": (window(batch=1).forward(), (1, 3, 5, 6), (4, 3, 1, 1), (1, 4, 5, 6)),
    "gradient of an image": (window().image_gradient(), (2, 4, 5, 6), (4, 3, 1, 1), (2, 3, 5, 6)),
    "windows as large as the image": (window(image=(2, 3), kernel=(2, 3), output=(1, 1)).forward(), (2, 3, 2, 3),
                                      (4, 3, 2, 3), (2, 4, 1, 1)),
    "result by columns": (Contraction((("m", 5), ("n", 6), ("k", 7)), axes("nm"), axes("mk"), axes("kn")), (5, 7),
                          (7, 6), (6, 5)),
    "heads beside each other": (strided("hmnk", (2, 3, 4, 5), "hm.k", "hn.k", "hmn", ((0, 0, 1, 0), (0, 0, 2, 0))),
                                (2, 3, 2, 5), (2, 4, 3, 5), (2, 3, 4)),
    "heads of rows": (strided("hmnk", (2, 3, 4, 5), "mhk", "nhk", "hmn", ((0,) * 3, (0,) * 3)), (3, 2, 5), (4, 2, 5),
                      (2, 3, 4)),
    "parts of rows": (strided("mnk", (3, 4, 5), "mk", "kn", "mn", ((1, 2), (3, 1))), (5, 9), (8, 6), (3, 4)),
}
OTHERS = {
    "windows": (window(kernel=(3, 3), pad=(1, 1)).forward(), (2, 3, 5, 6), (4, 3, 3, 3), (2, 4, 5, 6)),
    "every other pixel": (window(image=(9, 11), stride=(2, 2)).forward(), (2, 3, 9, 11), (4, 3, 1, 1), (2, 4, 5, 6)),
    "padded": (window(output=(7, 8), pad=(1, 1)).forward(), (2, 3, 5, 6), (4, 3, 1, 1), (2, 4, 7, 8)),
    "gradient of a weight": (window().weight_gradient(), (2, 3, 5, 6), (2, 4, 5, 6), (4, 3, 1, 1)),
    "channel by channel": (window(groups=3, in_channels=1, out_channels=1).forward(), (2, 3, 5, 6), (3, 1, 1, 1),
                           (2, 3, 5, 6)),
    "groups of several images": (window(groups=2).forward(), (2, 6, 5, 6), (8, 3, 1, 1), (2, 8, 5, 6)),
    "a row": (matrix_product(None, 1, 6, 7, False, True), (1, 7), (6, 7), (1, 6)),
    "neighbours in neither axis": (strided("mnk", (3, 4, 5), "mk.", "kn.", "mn", ((0,) * 3, (0,) * 3)), (3, 5, 2),
                                   (5, 4, 2), (3, 4)),
}


def by_columns(found: Matrices, operands, size):
    """The stack of products as the library is told of it; NaN where nothing is written."""
    rows, columns, terms, count = found.sizes
    memory = [operands[number].reshape(-1) for number in found.factors]
    out = np.full(size, np.nan, np.float32)

    def matrix(flat, number, shape, stack, turned=0):
        height, width = shape[::-1] if turned else shape
        at = found.begins[number] + stack * found.strides[number]
        index = at + np.arange(height)[:, None] + np.arange(width) * found.leading[number]
        return index.T if turned else index
    for stack in range(count):
        a, b = (flat[matrix(flat, number, shape, stack, found.transposed[number])] for number, (flat, shape) in
                enumerate(zip(memory, ((rows, terms), (terms, columns)), strict=True)))
        out[matrix(out, 2, (rows, columns), stack)] = a @ b
    return out


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name):
    spec, *shapes = PRODUCTS[name]
    random = np.random.default_rng(0)
    operands = [random.standard_normal(shape).astype(np.float32) for shape in shapes[:2]]
    found = matrices_of(spec, shapes)
    assert found is not None
    expected = evaluate(spec, *operands, shapes[2])
    np.testing.assert_allclose(by_columns(found, operands, expected.size), expected.reshape(-1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_product(name):
    spec, *shapes = OTHERS[name]
    assert matrices_of(spec, shapes) is None


def test_rows_are_the_axis_of_neighbours():
    spec, *shapes = PRODUCTS["transposed False True"]
    found = matrices_of(spec, shapes)
    assert (found.rows, found.sizes, found.factors, found.transposed) == (("n",), (6, 5, 7, 1), (1, 0), (1, 0))
    assert matrices_of(*[PRODUCTS["pixels of images"][0], PRODUCTS["pixels of images"][1:]]).rows == ("y0", "y1")
