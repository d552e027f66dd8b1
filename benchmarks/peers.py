"""The other systems: an environment for each interpreter that they need, and the networks that all are timed on.

usage: python -m benchmarks.peers [--folder DIR]

Makes DIR/mxnet (Python 3.8), DIR/others (this Python) and DIR/networks; what is there already is kept.  What cannot
be made is named, and left out of comparisons.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = Path("build/benchmarks")
MXNET_PYTHON = "3.8"        # the last one that MXNet 1.9.1 has a wheel for
# without it pip takes PyPI's torch, which brings several GB for GPUs along
TORCH_FOR_CPUS = ("--extra-index-url", "https://download.pytorch.org/whl/cpu", "--retries", "1", "--timeout", "60")


@dataclass(frozen=True, slots=True)
class Peer:
    """A system to compare with: its module, and what pip is asked for."""

    name: str
    title: str
    module: str
    request: tuple[str, ...]


MXNET = Peer("mxnet", "MXNet", "mxnet", ("numpy<1.24", "mxnet==1.9.1", "onnx==1.12.0", "protobuf<3.21"))
OTHERS = (
    Peer("openvino", "OpenVINO", "openvino", ("openvino",)),
    Peer("onnxruntime", "ONNX Runtime", "onnxruntime", ("onnxruntime",)),
    Peer("torch", "PyTorch", "onnx2torch", ("torch", "torchvision", "onnx2torch", *TORCH_FOR_CPUS)),
)
PEERS = {peer.name: peer for peer in (*OTHERS, MXNET)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    found = interpreters(folder, None, None)
    print("ready:", ", ".join(PEERS[name].title for name in found) or "none")
    export_networks(folder / "networks", found.get("mxnet"), ())


def interpreters(folder: Path, mxnet: str | None, others: str | None) -> dict[str, str]:
    """The interpreter of each peer that can be had, by its name.  Interpreters that are given stay as they are."""
    old = mxnet or _environment(folder / "mxnet", _find_python(MXNET_PYTHON), (MXNET,))
    new = others or _environment(folder / "others", sys.executable, OTHERS)
    found = {}
    for peer in PEERS.values():
        python = old if peer is MXNET else new
        if python is not None and imports(python, peer.module):
            found[peer.name] = python
        else:
            say(f"{peer.title} is left out: {python or 'its environment'} has no module {peer.module}")
    return found


def export_networks(folder: Path, mxnet: str | None, names: Sequence[str]) -> None:
    """Write the networks that `folder` lacks, all or those named.  Exits where MXNet is needed and is not there."""
    if mxnet is None:
        missing = [name for name in names if not (folder / f"{name}-symbol.json").exists()]
        if missing:
            sys.exit(f"the networks {', '.join(missing)} must be written by MXNet 1.9.1, which needs Python 3.8;\n"
                     f"run `python export.py {folder}` where there is one, and copy the folder here")
        return
    subprocess.run([mxnet, "-W", "ignore", str(HERE / "export.py"), str(folder), *names], check=True)


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _environment(folder: Path, python: str | None, peers: Sequence[Peer]) -> str | None:
    """The interpreter of the environment in `folder`, which holds the peers that can be installed."""
    if python is None:
        say(f"no Python {MXNET_PYTHON} on the path or in pyenv")
        return None
    made = folder / "bin" / "python"
    if not made.exists():
        say(f"making {folder}")
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    for peer in peers:
        if not imports(str(made), peer.module):
            _install(str(made), peer)
    return str(made)


def _install(python: str, peer: Peer) -> None:
    """Ask pip for a peer.  A failure is told: the peer is then not there."""
    say(f"installing {peer.title}")
    command = [python, "-m", "pip", "install", "--quiet", *peer.request]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        say(f"pip cannot install {peer.title}:\n{done.stderr.strip()[-1000:]}")


def imports(python: str, module: str) -> bool:
    return subprocess.run([python, "-W", "ignore", "-c", f"import {module}"], capture_output=True).returncode == 0


def _find_python(version: str) -> str | None:
    """An interpreter of that version which starts: on the path, or one of pyenv's."""
    for candidate in _candidates(version):
        works = subprocess.run([candidate, "-c", "pass"], capture_output=True)
        if works.returncode == 0:
            return candidate
    return None


def _candidates(version: str) -> Iterator[str]:
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip()
        yield from map(str, sorted(Path(root).glob(f"versions/{version}.*/bin/python"), reverse=True))


if __name__ == "__main__":
    main()
