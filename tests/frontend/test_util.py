"""The modules base and util."""

import json
import os
import threading

import pytest

import symc as mx
from symc.frontend.util import getenv, is_np_shape, np_shape, set_np_shape, setenv, use_np_shape

S = mx.sym


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMC_TEST", "1")
    setenv("SYMC_TEST", "2")
    assert getenv("SYMC_TEST") == os.environ["SYMC_TEST"] == "2"
    setenv("SYMC_TEST", None)
    assert getenv("SYMC_TEST") is None


def test_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MXNET_HOME", "/data")
    assert mx.base.data_dir() == "/data"


def test_semantics_of_shapes_belong_to_the_thread() -> None:
    seen: list[bool] = []
    with np_shape(True):
        thread = threading.Thread(target=lambda: seen.append(is_np_shape()))
        thread.start()
        thread.join()
        assert is_np_shape() and not np_shape(False)(is_np_shape)()
        assert set_np_shape(False) and not is_np_shape() and use_np_shape(is_np_shape)()
    assert seen == [False] and not is_np_shape()


def test_zero_is_an_extent_under_numpy_semantics() -> None:
    x = S.sum(S.var("x"), axis=1)
    with pytest.warns(UserWarning):
        assert x.infer_shape(x=(2, 0)) == (None, None, None)
    with np_shape(True):
        assert x.infer_shape(x=(2, 0)) == ([(2, 0)], [(2,)], [])
        assert x.infer_shape_partial(x=(-1, 3)) == ([(-1, 3)], [(-1,)], [])
        assert x.infer_shape_partial() == ([None], [None], [])


def test_files_say_under_which_semantics_they_were_written() -> None:
    def net() -> mx.Symbol:
        return S.FullyConnected(S.var("data"), S.var("weight", shape=(128, 0)), num_hidden=128)
    assert "is_np_shape" not in json.loads(net().tojson())["attrs"]
    with np_shape(True):
        written = net().tojson()
    assert json.loads(written)["attrs"]["is_np_shape"] == ["int", 1]
    with np_shape(True):
        assert S.load_json(net().tojson()).infer_shape_partial()[0][1] == (128, 0)
