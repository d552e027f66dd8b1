"""What folders and archives hold in which there is no network, and the way out.

Of SageMaker's algorithms image classification, object detection, linear learner, factorization machines and NTM wrote
symbol.json files; the others are told apart by the names of their files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

SHOWN = 12                          # names in a message
GLUON = "build the network in Gluon, load them, and write both files with net.export('NAME')"
HOST = r"model_algo-\d+"            # SageMaker's name for what one of its machines wrote


class Layout(NamedTuple):
    """Files that say who wrote them.  files: expressions, each of which some name must match; said: what they are and
    what can be done, where {first} is the name that matched the first of them."""

    files: tuple[str, ...]
    said: str


LAYOUTS = (
    Layout((rf"model_best\.params|{HOST}", r"hyperparams\.json"),
           "SageMaker's semantic segmentation keeps the parameters of a GluonCV network alone: make that which "
           "'algorithm' and 'backbone' in hyperparams.json name by gluoncv.model_zoo, load them, and write both files "
           "with net.export('NAME')"),
    Layout((r"params\.(best|\d+)", r"vocab\.(src|trg)(\.\d+)?\.json|config"),
           "Sockeye and SageMaker's seq2seq keep parameters alone, since Python code makes their networks for each "
           "length: save the symbol of one there, with module.symbol.save('NAME-symbol.json')"),
    Layout((r"vectors\.(txt|bin)|model\.bin",),
           "BlazingText writes word vectors and models of fastText, which are no networks of MXNet"),
    Layout((HOST,),
           "SageMaker's k-means, PCA and LDA keep arrays, and no network: symc.nd.load('{first}') of the unpacked file "
           "gives these"),
    Layout((r"xgboost-model|.*\.(joblib|pkl)",), "these are models of XGBoost or scikit-learn"),
    Layout((r"(.*\.)?(pt|pth|safetensors)|pytorch_model\.bin",), "these are models of PyTorch"),
    Layout((r"saved_model\.pb",), "this is a model of TensorFlow"),
    Layout((r".*\.onnx",), "this is a model in ONNX"))


def what_instead(names: Sequence[str], parameters: Collection[str], archives: Sequence[str]) -> str:
    """The hint of an error that says that there is no network among the files `names`.

    parameters: those of them that are called like parameters; archives: those that are archives, by which the user
    may name them.
    """
    shown = f"it has {listed(names)}" if names else "it is empty"
    if archives:
        return f"{shown}; name one of the archives in it: {archives[0]}"
    bases = [name.rpartition("/")[2] for name in names]
    for layout in LAYOUTS:
        found = [next((base for base in bases if re.fullmatch(file, base)), "") for file in layout.files]
        if all(found):
            return f"{shown}; {layout.said.format(first=found[0])}"
    return f"{shown}; parameters alone are no network: {GLUON}" if parameters else shown


def listed(names: Sequence[str]) -> str:
    """The first of many names, for a message."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
