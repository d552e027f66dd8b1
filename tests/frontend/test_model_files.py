"""Finding the files of a model where people have put them."""

import gzip
import json

import numpy as np
import pytest

from symc.errors import MXNetError
from symc.frontend.declared_shapes import declared_shapes
from symc.frontend.model_files import find, is_package, parameters_at, symbol_at
from symc.frontend.params import writer
from tests.frontend.test_archive import tar_info, write_tar, write_zip

SYMBOL = json.dumps({"nodes": [{"op": "null", "name": "data", "inputs": []}], "heads": [[0, 0, 0]]}).encode()


def arrays(value):
    import io

    file = io.BytesIO()
    writer({"w": np.full(3, value, np.float32)})(file)
    return file.getvalue()


def checkpoint(name="net", epochs=(0,)):
    return {f"{name}-symbol.json": SYMBOL, **{f"{name}-{epoch:04d}.params": arrays(epoch) for epoch in epochs}}


@pytest.fixture
def laid(tmp_path, monkeypatch):
    """`laid(files, folder)`: write files by name, and be there."""
    monkeypatch.chdir(tmp_path)

    def lay(files, folder="."):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name, content in files.items():
            (tmp_path / folder / name).write_bytes(content)
    return lay


def epoch_of(found):
    return found.parameters.arrays().as_dict()["w"][0]


# ---- folders and prefixes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["net", "model/net", "model", "model/", "./model/net"])
def test_folders_and_prefixes_have_the_last_epoch(laid, network):
    laid(checkpoint(epochs=(0, 5, 10)), network.rpartition("/net")[0] or "model" if network != "net" else ".")
    found = find(network)
    assert found.symbol.read() == SYMBOL and epoch_of(found) == 10
    assert any("net-0010.params, the last of epochs 0, 5, 10" in note for note in found.notes)
    assert epoch_of(find(network, epoch=5)) == 5
    with pytest.raises(MXNetError, match="no parameters of epoch 7\n  the epochs are 0, 5, 10"):
        find(network, epoch=7)


def test_a_symbol_file_has_the_parameters_beside_it_if_asked(laid):
    laid(checkpoint() | {"other-0000.params": arrays(9)})
    assert find("net-symbol.json") .parameters is None
    found = find("net-symbol.json", beside=True)
    assert epoch_of(found) == 0 and found.notes == ("the parameters are those of net-0000.params",)
    laid(checkpoint(epochs=[3]))
    with pytest.raises(MXNetError, match="2 files hold parameters of net-symbol.json: net-0000.params, net-0003.params"
                                         "\n  choose with --params net-0003.params or --epoch"):
        find("net-symbol.json", beside=True)
    assert epoch_of(find("net-symbol.json", epoch=0)) == 0
    assert epoch_of(find("net-symbol.json", "other-0000.params")) == 9


def test_a_name_of_its_own(laid):
    laid({"net.json": SYMBOL, "net.params": arrays(4), "else.params": arrays(5)})
    assert epoch_of(find("net.json", beside=True)) == 4
    laid({"lone.json": SYMBOL})
    assert find("lone.json", beside=True).parameters is None


def test_a_folder_with_two_networks(laid):
    laid(checkpoint() | checkpoint("bigger"), "model")
    with pytest.raises(MXNetError, match=r"model has 2 networks: bigger-symbol.json, net-symbol.json\n"
                                         r"  name one: model/bigger-symbol.json"):
        find("model")


@pytest.mark.parametrize("network, message", [
    ("nt.json", r"cannot read nt.json: No such file, folder, or checkpoint .*; did you mean 'net.json'\?"),
    ("w.params", "w.params holds parameters, and no network\n  the network is in a file -symbol.json"),
    ("", "the name of the network is empty"),
    ("-", "cannot read a model from -: its parts"), ("/dev/null", "model from /dev/null: .*\n  write it to a file"),
    ("net.json!x", "tar or zip archive is expected"), ("empty", "empty has no networks\n  it is empty")])
def test_nothing_there(laid, network, message):
    laid({"net.json": SYMBOL, "w.params": arrays(1)})
    laid({}, "empty")
    with pytest.raises(MXNetError, match=message):
        find(network)


def test_parameters_instead_of_a_network_that_lies_beside(laid):
    laid(checkpoint())
    with pytest.raises(MXNetError, match="pass net-symbol.json and --params net-0000.params"):
        find("net-0000.params")


# ---- archives ------------------------------------------------------------------------------------------------------


def test_sagemaker_image_classification(laid, tmp_path):
    files = checkpoint("image-classification", (1, 3)) | {
        "model-shapes.json": b'[{"shape": [1, 3, 224, 224], "name": "data"}]'}
    write_tar(tmp_path / "model.tar.gz", {f"./{name}": content for name, content in files.items()})
    laid({})
    found = find("model.tar.gz")
    assert epoch_of(found) == 3 and epoch_of(find("model.tar.gz", epoch=1)) == 1
    assert found.shapes == {"data": (1, 3, 224, 224)}
    assert found.notes == ("the network is model.tar.gz!image-classification-symbol.json",
                           "the parameters are those of model.tar.gz!image-classification-0003.params, the last of "
                           "epochs 1, 3", "shapes of inputs are those of model.tar.gz!model-shapes.json, where none "
                           "are given")


def test_sagemaker_object_detection(laid, tmp_path):
    write_tar(tmp_path / "model.tar.gz", checkpoint("model_algo_1") | {
        "hyperparams.json": b'{"image_shape": "300", "base_network": "resnet-50"}'})
    laid({})
    assert find("model.tar.gz").shapes == {"data": (1, 3, 300, 300)}


def test_sagemaker_packed_twice(laid, tmp_path):
    """Linear learner, and factorization machines."""
    inner = write_zip(tmp_path / "x", checkpoint("mx-mod") | {"manifest.json": b"{}", "additional-params.json": b"{}"})
    write_tar(tmp_path / "model.tar.gz", {"model_algo-1": inner.read_bytes()})
    laid({})
    found = find("model.tar.gz")
    assert found.symbol.label == "model.tar.gz!model_algo-1!mx-mod-symbol.json" and epoch_of(found) == 0
    assert find(found.symbol.label).symbol == found.symbol and not is_package("x")
    factors = write_zip(tmp_path / "y", {"params": arrays(8), "symbol.json": SYMBOL, "meta.json": b"{}"})
    write_tar(tmp_path / "fm.tar.gz", {"model_algo-1": factors.read_bytes()})
    assert epoch_of(find("fm.tar.gz")) == 8


def test_sagemaker_on_two_machines(laid, tmp_path):
    inner = write_zip(tmp_path / "x", checkpoint("mx-mod")).read_bytes()
    write_tar(tmp_path / "model.tar.gz", {"model_algo-1": inner, "model_algo-2": inner})
    laid({})
    with pytest.raises(MXNetError, match="has no networks\n  it has model_algo-1, model_algo-2; name one of the "
                                         "archives in it: model.tar.gz!model_algo-1"):
        find("model.tar.gz")
    assert epoch_of(find("model.tar.gz!model_algo-2")) == 0


@pytest.mark.parametrize("names, said", [
    (["hyperparams.json", "model_best.params", "model_algo-1"], "gluoncv.model_zoo, load them, and write"),
    (["hyperparams.json", "model_algo-1"], "gluoncv.model_zoo, load them, and write"),
    (["model_algo-1"], r"k-means, PCA and LDA .* symc.nd.load\('model_algo-1'\)"),
    (["params.best", "config", "vocab.src.json", "vocab.trg.json"], "Sockeye and SageMaker's seq2seq .*symbol.save"),
    (["vectors.txt", "eval.json"], "BlazingText"), (["model.bin"], "BlazingText"), (["xgboost-model"], "XGBoost"),
    (["model.pth", "code/inference.py"], "PyTorch"), (["1/saved_model.pb", "1/assets/x"], "TensorFlow"),
    (["model.onnx"], "ONNX"), (["net.params"], "parameters alone are no network: build .* in Gluon"),
    (["readme.txt"], "readme.txt$")])
def test_what_there_is_without_a_network(laid, tmp_path, names, said):
    write_tar(tmp_path / "model.tar.gz", dict.fromkeys(names, b"{}") | {
        name: arrays(1) for name in names if "model_" in name})
    laid({})
    with pytest.raises(MXNetError, match=f"^model.tar.gz has no networks\n  it has .*{said}"):
        find("model.tar.gz")


def test_compressed_parameters(laid, tmp_path):
    """What DJL's model zoo has; the names of network and parameters may differ."""
    files = {"net-symbol.json": SYMBOL, "net_voc-0000.params.gz": gzip.compress(arrays(6))}
    laid(files, "model")
    assert epoch_of(find("model")) == 6 and epoch_of(find("model/net-symbol.json", "model/net_voc-0000.params.gz")) == 6
    write_tar(tmp_path / "model.tar.gz", files)
    assert epoch_of(find("model.tar.gz")) == 6
    assert epoch_of(find("model.tar.gz", "model.tar.gz!net_voc-0000.params.gz")) == 6
    (tmp_path / "model" / "net-0003.params.gz").write_bytes(gzip.compress(arrays(3)))
    assert epoch_of(find("model/net")) == 3 and epoch_of(find("model/net-symbol.json", epoch=3)) == 3
    with pytest.raises(MXNetError, match="net-0003.params.gz holds parameters.*\n  pass model/net-symbol.json"):
        find("model/net-0003.params.gz")
    (tmp_path / "weights").write_bytes(gzip.compress(arrays(9)))
    assert epoch_of(find("model", "weights")) == 9


def test_parameters_and_epoch(laid):
    laid(checkpoint(epochs=(1, 2)))
    with pytest.raises(MXNetError, match="net-0001.params and epoch 2 both say which parameters"):
        find("net", "net-0001.params", 2)


@pytest.mark.parametrize("manifest", ["MANIFEST.json", ""])
def test_model_server(laid, tmp_path, manifest):
    signature = {"inputs": [{"data_name": "data", "data_shape": [0, 3, 8, 8]}], "input_type": "image/jpeg"}
    files = checkpoint() | {"signature.json": json.dumps(signature).encode(), "synset.txt": b"cat", "service.py": b""}
    if manifest:
        files |= checkpoint("other", (7,)) | {manifest: json.dumps({
            "Model": {"Symbol": "net-symbol.json", "Parameters": "net-0000.params"}}).encode()}
    write_zip(tmp_path / "net.mar", files)
    laid({})
    found = find("net.mar")
    assert epoch_of(found) == 0 and found.shapes == {"data": (1, 3, 8, 8)} and not is_package("net.mar")


def test_two_networks_in_an_archive(laid, tmp_path):
    write_tar(tmp_path / "model.tar.gz", {f"{folder}/{name}": content for folder in ("a", "b")
                                          for name, content in checkpoint().items()})
    laid({})
    with pytest.raises(MXNetError, match="has 2 networks: a/net-symbol.json, b/net-symbol.json\n"
                                         "  name one: model.tar.gz!a/net-symbol.json"):
        find("model.tar.gz")
    found = find("model.tar.gz!b/net-symbol.json")
    assert found.parameters.name == "b/net-0000.params"
    with pytest.raises(MXNetError, match="has no member 'b/net-symbol.jsn'; did you mean 'b/net-symbol.json'"):
        find("model.tar.gz!b/net-symbol.jsn")
    assert epoch_of(find("model.tar.gz!b/net-symbol.json", "model.tar.gz!a/net-0000.params")) == 0
    with pytest.raises(MXNetError, match="2 files of parameters"):
        parameters_at("model.tar.gz")


def test_a_linked_network(laid, tmp_path):
    link = tar_info("net-symbol.json", type=b"2", linkname="/etc/passwd")
    write_tar(tmp_path / "model.tar.gz", {"net-0000.params": arrays(1)}, infos=[link])
    laid({})
    with pytest.raises(MXNetError, match="net-symbol.json is a link, which is not followed"):
        find("model.tar.gz")


def test_macs_put_shadows_into_archives(laid, tmp_path):
    write_tar(tmp_path / "model.tar.gz", checkpoint() | {"._net-symbol.json": b"\0", "__MACOSX/net-symbol.json": b"\0"})
    laid({})
    assert symbol_at("model.tar.gz").read() == SYMBOL


@pytest.mark.parametrize("name, text, shapes", [
    ("signature.json", '{"inputs": [{"data_name": "a", "data_shape": [0, 2]}, {"data_name": "b", "data_shape": [4]}]}',
     {"a": (1, 2), "b": (4,)}),
    ("hyperparams.json", '{"image_shape": "3,224,200"}', {"data": (1, 3, 224, 200)}),
    ("hyperparams.json", '{"image_shape": "' + 5000 * "9" + '"}', {}),
    ("hyperparams.json", '{"image_shape": 300}', {"data": (1, 3, 300, 300)}),
    *((name, text, {}) for name in ("signature.json", "model-shapes.json", "hyperparams.json")
      for text in ("", "[", "7", "[7]", '{"inputs": 7}', '{"image_shape": "many"}', '[{"name": 1, "shape": [1]}]',
                   '[{"name": "data", "shape": [1, -1]}]', '{"inputs": [{"data_name": "a", "data_shape": [2, 0]}]}'))])
def test_shapes_that_files_declare(tmp_path, name, text, shapes):
    from symc.frontend.model_files import Folder

    (tmp_path / name).write_text(text)
    assert declared_shapes(Folder(str(tmp_path)), [name])[0] == shapes
