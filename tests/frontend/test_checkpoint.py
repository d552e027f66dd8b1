import json
from pathlib import Path

import numpy as np
import pytest

from symc.errors import SymcError
from symc.frontend import params
from symc.frontend.checkpoint import epochs, load_checkpoint, parameter_file, save_checkpoint

W, M = np.ones((2, 3), np.float32), np.zeros(2, np.float32)


def save(prefix: Path, epoch: int) -> None:
    save_checkpoint(prefix, epoch, json.dumps({"n": epoch}), {"w": W + epoch}, {"m": M})


def test_what_is_saved_loads(tmp_path: Path) -> None:
    save(tmp_path / "net-1", 7)
    save(tmp_path / "net-1", 12)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "net-1-0007.params", "net-1-0012.params", "net-1-symbol.json"]
    assert epochs(tmp_path / "net-1") == [7, 12]
    symbol_file, arguments, auxiliary = load_checkpoint(tmp_path / "net-1", 7)
    assert symbol_file == str(tmp_path / "net-1-symbol.json")
    assert np.array_equal(arguments["w"], W + 7) and np.array_equal(auxiliary["m"], M)
    assert np.array_equal(load_checkpoint(tmp_path / "net-1").arguments["w"], W + 12)


def test_npz_stands_in_for_params(tmp_path: Path) -> None:
    save(tmp_path / "net", 0)
    params.write(tmp_path / "net-0003.npz", {"arg:w": W})
    assert parameter_file(tmp_path / "net") == str(tmp_path / "net-0003.npz")
    assert list(load_checkpoint(str(tmp_path / "net"), 3).arguments) == ["w"]


def test_parameters_without_an_epoch(tmp_path: Path) -> None:
    params.write(tmp_path / "net.params", {"w": W})
    assert parameter_file(tmp_path / "net") == str(tmp_path / "net.params")
    with pytest.raises(SymcError, match="epoch 0 not found"):
        parameter_file(tmp_path / "net", 0)


def test_errors_name_the_files_tried_and_those_there(tmp_path: Path) -> None:
    with pytest.raises(SymcError, match="(?s)the graph of .*net not found: tried .*net-symbol.json.*no model files"):
        load_checkpoint(tmp_path / "net", 0)
    save(tmp_path / "net", 5)
    with pytest.raises(SymcError, match="(?s)epoch 4 not found: tried .*-0004.params, .*-0004.npz.* net-0005.params"):
        load_checkpoint(tmp_path / "net", 4)
    with pytest.raises(SymcError, match="no model files"):
        load_checkpoint(tmp_path / "absent" / "net")
