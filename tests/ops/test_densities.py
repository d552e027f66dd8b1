"""Densities, as recorded and against finite differences; shapes of samples and parameters."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.interpreter import run
from symc.passes.legalize import Legalize
from tests.golden import Case, differences, each_case


@each_case("random")
def test_recorded(case: Case) -> None:
    assert not differences(case)


def test_parameters_belong_to_the_first_dimensions(graph) -> None:
    g = graph("""
        %x: f64[2,3,4]
        %mu: f64[2,3]
        %sigma: f64[2,3]
        %y = _random_pdf_normal(%x, %mu, %sigma)
        heads %y""")
    draw = np.random.default_rng(0)
    x, mu, sigma = draw.normal(size=(2, 3, 4)), draw.normal(size=(2, 3)), draw.uniform(0.5, 2, (2, 3))
    z = (x - mu[..., None]) / sigma[..., None]
    expected = np.exp(-z * z / 2) / (np.sqrt(2 * np.pi) * sigma[..., None])
    for form in (g, Legalize()(g)):
        np.testing.assert_allclose(run(form, {"x": x, "mu": mu, "sigma": sigma}).heads[0], expected, 1e-12)


def test_dirichlet_of_vectors(graph) -> None:
    """Of (½, ½), of which the density is 1 / (π√(xy)), and of (1, 1), of which it is 1."""
    g = graph("""
        %x: f64[2,3,2]
        %alpha: f64[2,2]
        %y = _random_pdf_dirichlet(%x, %alpha)
        heads %y""")
    first = np.array([[0.2, 0.5, 0.9]] * 2)
    x, alpha = np.stack([first, 1 - first], -1), np.array([[0.5, 0.5], [1, 1]])
    expected = [1 / (np.pi * np.sqrt(first[0] * (1 - first[0]))), np.ones(3)]
    for form in (g, Legalize()(g)):
        np.testing.assert_allclose(run(form, {"x": x, "alpha": alpha}).heads[0], expected, 1e-12)


def test_shapes_that_do_not_fit(graph) -> None:
    with pytest.raises(InferenceError, match="y"):
        graph("%x: f32[2,3]\n%l: f32[3]\n%y = _random_pdf_poisson(%x, %l)\nheads %y")
    with pytest.raises(InferenceError, match="the parameters have shape"):
        graph("%x: f32[3]\n%l: f32[3,1]\n%y = _random_pdf_poisson(%x, %l)\nheads %y")
