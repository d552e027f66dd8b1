"""Wheels: installed by pip, run beside NumPy alone, valid by the packaging rules."""

import base64
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from symc.codegen.wheel import wheel
from symc.errors import SymcError
from symc.runtime.package import open_package

PREDICT = """
import sys
sys.modules.update(symc=None)           # importing it fails from here on
sys.path[:0] = sys.argv[1:]
import affine, numpy as np
assert affine.__version__ == "1.2.0" and "'data': float32 (1000,)" in affine.__doc__
result = affine.predict(data=np.arange(1000))
assert list(result) == ["result"] and (result["result"] == 3 * np.arange(1000)).all()
try:
    affine.predict(image=1)
except Exception as error:
    assert "there is no input 'image'" in str(error)
"""


@pytest.fixture(scope="module")
def made(package_path):
    return wheel(open_package(package_path), "affine", "1.2.0")


def test_installs_and_predicts_without_symc(made, tmp_path):
    name, content = made
    (tmp_path / name).write_bytes(content)
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target",
                           tmp_path / "site", tmp_path / name], capture_output=True, text=True)
    if "No module named pip" in done.stderr:
        pytest.skip("no pip here")
    assert done.returncode == 0, done.stderr
    (tmp_path / "numpy").mkdir()
    for folder in Path(np.__file__).parents[1].glob("numpy*"):      # NumPy, and nothing else that is installed here
        (tmp_path / "numpy" / folder.name).symlink_to(folder)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", PREDICT, tmp_path / "site", tmp_path / "numpy"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_is_what_packaging_rules_ask_for(made):
    name, content = made
    assert name == "affine-1.2.0-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {item: archive.read(item) for item in archive.namelist()}
    metadata = files["affine-1.2.0.dist-info/METADATA"].decode()
    assert "Name: affine\nVersion: 1.2.0\n" in metadata and "Requires-Dist: numpy" in metadata
    assert "Tag: py3-none-manylinux_2_17_x86_64\n" in files["affine-1.2.0.dist-info/WHEEL"].decode()
    record = files["affine-1.2.0.dist-info/RECORD"].decode().splitlines()
    listed = {path: (digest, size) for path, digest, size in (line.split(",") for line in record)}
    assert listed.keys() == files.keys()
    for path, (digest, size) in listed.items():
        if not path.endswith("RECORD"):
            sum = base64.urlsafe_b64encode(hashlib.sha256(files[path]).digest()).rstrip(b"=").decode()
            assert (digest, int(size)) == (f"sha256={sum}", len(files[path]))


def test_equal_packages_give_equal_wheels(made, package_path):
    assert wheel(open_package(package_path), "affine", "1.2.0") == made


@pytest.mark.parametrize("version", ["", "1.x", "v 1", "1.0-beta", "1.0/../x"])
def test_versions_that_are_none(package_path, version):
    with pytest.raises(SymcError, match="is no version"):
        wheel(open_package(package_path), "affine", version)
