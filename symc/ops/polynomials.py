"""Polynomials of an element, over whatever expressions compute with.  Coefficients of the highest power come first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def polynomial(coefficients: Sequence[float], x: Any) -> Any:
    """Horner's rule."""
    result: Any = coefficients[0]
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


def ratio(polynomials: tuple[Sequence[float], Sequence[float]], x: Any) -> Any:
    """The quotient of two polynomials."""
    above, below = (polynomial(coefficients, x) for coefficients in polynomials)
    return above / below
