"""Archives that nobody vouches for: what is read, and what is refused."""

import gzip
import io
import tarfile
import zipfile

import pytest

from symc.errors import MXNetError
from symc.frontend.archive import Archive, is_archive, open_archive
from symc.frontend.limits import Limits

FILES = {"net-symbol.json": b"{}", "folder/net-0000.params": bytes(range(256)) * 9}


def tar_info(name, size=0, **fields):
    info = tarfile.TarInfo(name)
    info.size = size
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def write_tar(path, files, mode="w:gz", infos=()):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            archive.addfile(tar_info(name, len(content)), io.BytesIO(content))
        for info in infos:
            archive.addfile(info)
    return path


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "w:", "zip"])
def test_what_is_in_it(tmp_path, mode):
    path = write_zip(tmp_path / "a", FILES) if mode == "zip" else write_tar(tmp_path / "a", FILES, mode)
    archive = open_archive(path)
    assert is_archive(path.read_bytes()[:512]) and list(archive.members) == list(FILES)
    assert {name: archive.read(name) for name in FILES} == FILES
    assert archive.label("net-symbol.json") == f"{path}!net-symbol.json"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_archive_in_an_archive(tmp_path):
    inner = write_zip(tmp_path / "inner", FILES).read_bytes()
    archive = open_archive(write_tar(tmp_path / "a.tar.gz", {"model_algo-1": inner})).inner("model_algo-1")
    assert isinstance(archive, Archive) and archive.read("folder/net-0000.params") == FILES["folder/net-0000.params"]
    assert archive.label("net-symbol.json").endswith("a.tar.gz!model_algo-1!net-symbol.json")


def test_links_are_no_members(tmp_path):
    links = [tar_info("net-symbol.json", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
             tar_info("b", type=tarfile.LNKTYPE, linkname="a"), tar_info("pipe", type=tarfile.FIFOTYPE)]
    archive = open_archive(write_tar(tmp_path / "a.tar", {"a": b"x"}, "w:", links))
    assert list(archive.members) == ["a"] and archive.links == ("net-symbol.json", "b")
    info = zipfile.ZipInfo("net-symbol.json")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(info, "/etc/passwd")
    assert not open_archive(tmp_path / "a.zip").members and open_archive(tmp_path / "a.zip").links


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/passwd", "\\up", "a\\..\\..\\up"])
def test_names_that_lead_out(tmp_path, name):
    for path in (write_tar(tmp_path / "a.tar", {name: b""}, "w:"), write_zip(tmp_path / "a.zip", {name: b""})):
        with pytest.raises(MXNetError, match="leads out of the archive"):
            open_archive(path)


@pytest.mark.parametrize("pack", [lambda path, files: write_tar(path, files), write_zip])
def test_bombs(tmp_path, pack):
    limits = Limits(members=3, bytes=1 << 22, ratio=10, unchecked=1 << 16)
    bomb = pack(tmp_path / "bomb", {"a.params": bytes(1 << 21)})
    with pytest.raises(MXNetError, match="unpacks to more than 65536 bytes"):
        open_archive(bomb, limits)
    assert open_archive(bomb).members["a.params"].size == 1 << 21       # zeros, not too many
    with pytest.raises(MXNetError, match="more than 3 members"):
        open_archive(pack(tmp_path / "many", {str(i): b"" for i in range(4)}), limits)


def test_a_member_that_claims_to_be_huge(tmp_path):
    header = tar_info("a.params", 1 << 40).tobuf()
    for content in (header, header + b"x" * 512, gzip.compress(header)):
        (tmp_path / "a.tar").write_bytes(content)
        with pytest.raises(MXNetError, match="unpacks to more than"):
            open_archive(tmp_path / "a.tar")


@pytest.mark.parametrize("kind", ["w:gz", "zip"])
def test_damage_is_an_error_that_names_the_file(tmp_path, kind):
    path = write_zip(tmp_path / "a", FILES) if kind == "zip" else write_tar(tmp_path / "a", FILES)
    whole = path.read_bytes()
    for end in range(5, len(whole), 7):
        path.write_bytes(whole[:end])
        try:
            archive = open_archive(path)
            content = {name: archive.read(name) for name in archive.members}
        except MXNetError as error:
            assert str(path) in str(error)
        else:
            assert content.items() <= FILES.items()


def test_two_members_of_one_name(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"a": b"1"}, "w:", [tar_info("./a")])
    with pytest.raises(MXNetError, match="two members of the name 'a'"):
        open_archive(path)
