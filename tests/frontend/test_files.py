"""Files by path and by URL: written whole or not at all, wherever they are."""

import logging
import os
import sys

import numpy as np
import pytest

import symc as mx
from symc import cli
from symc.errors import MissingPackageError, SymcError
from symc.frontend.checkpoint import epochs
from symc.frontend.files import folder_of, listing, map_bytes, read_bytes, replacing

fsspec = pytest.importorskip("fsspec")


def write(path, content: bytes = b"new") -> None:
    with replacing(path) as file:
        file.write(content)


@pytest.fixture(scope="module")
def s3_server():
    """A local S3 server, and the environment that leads there."""
    moto = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        fsspec.filesystem("s3").mkdir("my-bucket")
        yield
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(params=["local", "file", "memory", "s3", "disk"])
def folder(request, tmp_path):
    """A place for files, without the slash at its end."""
    if request.param == "s3":
        request.getfixturevalue("s3_server")
        return "s3://my-bucket/models"
    if request.param == "disk":
        fsspec.register_implementation("disk", Disk, clobber=True)
    return {"local": str(tmp_path), "file": f"file://{tmp_path}", "memory": f"memory://{tmp_path.name}",
            "disk": f"disk://{tmp_path}"}[request.param]


class Disk(fsspec.get_filesystem_class("file")):
    """Stands for a remote file system that is no object store."""

    protocol = "disk"
    broken = False

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).removeprefix("disk://"))

    def pipe_file(self, path, value, **options):
        super().pipe_file(path, value[:1] if self.broken else value, **options)
        if self.broken:
            raise ConnectionError("the line is dead")


# ---- bytes -----------------------------------------------------------------------------------------------------


def test_there_and_back(folder):
    for content in (b"old", b"newer", b""):
        write(f"{folder}/net.json", content)
        assert read_bytes(f"{folder}/net.json") == bytes(map_bytes(f"{folder}/net.json")) == content
    assert folder_of(f"{folder}/net.json").rstrip("/") == folder.removeprefix("file://")


def test_a_block_that_raises_changes_nothing(folder):
    write(f"{folder}/kept", b"old")
    with pytest.raises(KeyError), replacing(f"{folder}/kept") as file:
        file.write(b"half")
        raise KeyError
    assert read_bytes(f"{folder}/kept") == b"old"
    assert [name for name in listing(folder_of(f"{folder}/kept")) if name != "net.json"] == ["kept"]


def test_what_is_not_there_is_named(folder):
    with pytest.raises(SymcError, match=f"cannot read {folder}/absent: "):
        read_bytes(f"{folder}/absent")
    with pytest.raises(mx.MXNetError, match=f"cannot read {folder}/absent: "):
        mx.nd.load(f"{folder}/absent")


def test_a_line_that_breaks_leaves_the_old_file(tmp_path, monkeypatch):
    fsspec.register_implementation("disk", Disk, clobber=True)
    write(f"disk://{tmp_path}/net", b"old")
    monkeypatch.setattr(Disk, "broken", True)
    with pytest.raises(SymcError, match="cannot write disk://.*/net: the line is dead"):
        write(f"disk://{tmp_path}/net")
    assert os.listdir(tmp_path) == ["net"] and (tmp_path / "net").read_bytes() == b"old"


def test_without_fsspec(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    for action in (read_bytes, write):
        with pytest.raises(MissingPackageError, match=r"(?s)s3://b/x.*pip install 'symc\[remote\]'"):
            action("s3://b/x")


def test_schemes_that_nobody_knows():
    with pytest.raises(SymcError, match="cannot read nonsense://x"):
        read_bytes("nonsense://x")
    with pytest.raises(SymcError, match="cannot read hdfs://nowhere/x"):
        read_bytes("hdfs://nowhere/x")


def test_a_bucket_that_is_not_there(s3_server):
    with pytest.raises(SymcError, match="cannot write s3://no-bucket/x"):
        write("s3://no-bucket/x")


# ---- symbols and arrays ----------------------------------------------------------------------------------------


def test_the_example_of_the_documents(s3_server):
    a, b = mx.symbol.Variable("a"), mx.symbol.Variable("b")
    c = a + b
    c.save("s3://my-bucket/symbol-c.json")
    c2 = mx.symbol.load("s3://my-bucket/symbol-c.json")
    assert c.tojson() == c2.tojson()


def test_arrays(folder):
    arrays = {"w": mx.nd.arange(6).reshape(2, 3), "b": mx.nd.ones(2, dtype="float16")}
    for name in ("arrays.params", "arrays.npz"):
        mx.nd.save(f"{folder}/{name}", arrays)
        loaded = mx.nd.load(f"{folder}/{name}")
        assert {key: (value.dtype, value.asnumpy().tolist()) for key, value in loaded.items()} == {
            key: (value.dtype, value.asnumpy().tolist()) for key, value in arrays.items()}


def test_checkpoints(folder):
    net = mx.sym.BatchNorm(mx.sym.FullyConnected(num_hidden=2, name="fc"), name="bn")
    weights, states = {"fc_bias": mx.nd.ones(2)}, {"bn_moving_var": mx.nd.ones(2)}
    for epoch in (3, 12):
        mx.model.save_checkpoint(f"{folder}/net", epoch, net, weights, states)
    symbol, arguments, auxiliary = mx.model.load_checkpoint(f"{folder}/net", 12)
    assert symbol.tojson() == net.tojson() and list(arguments) == ["fc_bias"] and list(auxiliary) == ["bn_moving_var"]
    assert epochs(f"{folder}/net") == [3, 12]
    with pytest.raises(SymcError, match=f"(?s)epoch 4 not found: tried {folder}/net-0004.params.*net-0012.params"):
        mx.model.load_checkpoint(f"{folder}/net", 4)


def test_compile_reads_urls(tmp_path, monkeypatch, capsys):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    weights = {"fc_weight": mx.nd.ones((2, 3)), "fc_bias": mx.nd.ones(2)}
    mx.model.save_checkpoint("memory://nets/net", 0, net, weights, {})
    compiled = mx.compile("memory://nets/net-symbol.json", "memory://nets/net-0000.params", {"data": (1, 3)})
    assert compiled.forward(data=np.ones((1, 3), np.float32))[0].asnumpy().tolist() == [[4, 4]]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["symc", "compile", "memory://nets/net-symbol.json", "--params",
                                      "memory://nets/net-0000.params", "--shape", "data=1,3"])
    cli.main()
    assert "package: net-symbol.symc" in capsys.readouterr().out and (tmp_path / "net-symbol.symc").is_file()
