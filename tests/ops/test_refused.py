"""Operators left out on purpose."""

import pytest

from symc.errors import UnsupportedOperatorError
from symc.ops.operator import find
from symc.ops.refused import GENERAL, is_supported, listed, refusal


def test_the_list_holds_no_operator_that_there_is() -> None:
    assert len(listed()) > 40 and not [name for name in listed() if is_supported(name)]


def test_reasons_by_name_and_by_prefix() -> None:
    assert refusal("_contrib_quantize_v2") == refusal("_contrib_quantized_act")
    assert "mx.np" in refusal("_npi_einsum").reason and "back end" in refusal("_sg_mkldnn_conv").reason
    assert refusal("Nonsense") == refusal("Frobnicate") and refusal("Nonsense").reason == ""
    assert refusal("Convolutin").instead == f"did you mean 'Convolution'? Else {GENERAL}"


def test_errors_say_why() -> None:
    with pytest.raises(UnsupportedOperatorError, match=r"_contrib_fft is not supported: .*GPUs.*\n  write it as"):
        find("_contrib_fft")
