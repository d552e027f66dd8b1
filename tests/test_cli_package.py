"""`symc package`: what it writes and where, and its errors."""

import json
import subprocess
import sys

import pytest

from symc import cli


@pytest.fixture
def call(monkeypatch, capsys, package_path, tmp_path):
    """`call(options...)`: exit code, standard output and error of `symc package affine.symc options...`."""
    (tmp_path / "affine.symc").write_bytes(package_path.read_bytes())
    monkeypatch.chdir(tmp_path)

    def run(*options):
        monkeypatch.setattr(sys, "argv", ["symc", "package", "affine.symc", *options])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()
    return run


def test_wheel(call, tmp_path):
    code, out, _ = call("--format", "wheel", "-o", "dist", "--name", "served", "--version", "2.1", "--json")
    report = json.loads(out)
    assert code == 0 and report["name"] == "served"
    assert [path.name for path in (tmp_path / "dist").iterdir()] == [report["files"][0].removeprefix("dist/")]
    assert report["files"][0].startswith("dist/served-2.1-py3-none-manylinux")


def test_sources(call, tmp_path):
    assert call("--format", "c")[0] == 0
    assert {"Makefile", "main.c", "symc.c", "affine.h", "affine.symc"} <= {path.name for path in
                                                                          (tmp_path / "affine-c").iterdir()}
    assert call("--format", "c", "-o", "affine.tar.gz")[0] == 0
    assert subprocess.run(["tar", "tzf", "affine.tar.gz"], capture_output=True, text=True).stdout.count("affine/") == 13


def test_library(call, build_c, tmp_path):
    code, out, _ = call("--format", "so")
    assert code == 0 and "libaffine.so" in out and (tmp_path / "affine.h").exists()


@pytest.mark.parametrize("options, message", [
    (["--format", "exe"], "there is no format 'exe'"), (["--format", "wheel", "--name", "class"], "'class'"),
    (["--format", "wheel", "--version", "new"], "no version"), (["--format", "so", "-o", "affine.symc/x.so"],
                                                   "File exists")])
def test_errors(call, options, message, build_c):
    code, _, error = call(*options)
    assert code == 1 and message in error and "Traceback" not in error


def test_damaged_packages_are_refused(call, tmp_path):
    image = bytearray((tmp_path / "affine.symc").read_bytes())
    image[len(image) // 2] ^= 1
    (tmp_path / "affine.symc").write_bytes(image)
    code, _, error = call("--format", "wheel")
    assert code == 1 and "damaged" in error and not list(tmp_path.glob("*.whl"))
