"""fastText itself as the referee: a model file is used only once it and our kernel agree on it.

Run as a program, this module is the referee's side: fastText's answers to the lines on stdin.
"""

import hashlib
import json
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import polars as pl

from sealdata.errors import DataError
from sealdata.fetch.models.store import digest, models_folder
from sealdata.files.records import write_json
from sealdata.kernels import fasttext as kernel
from sealdata.lid import weights
from sealdata.lid.model import LEAST, MOST, FastText

SENTENCES = 20  # of each bundled language
WITHIN = 1e-5  # of a probability; on x86-64 there is no difference at all
ODD = ("", " ", "a", "<", "a\tb", " leading", "trailing  ", "1984", "</s> a", "é e\u0301", "ก" * 99)
Told = dict[str, float]


@cache
def open_model(path: Path) -> FastText:
    """The model at ``path``, opened once per process, on which fastText has agreed.

    It is asked once per machine, and the folder of models keeps the note. It runs in a process of
    its own, so its copy of the model is gone when it has answered.

    Raises:
        DataError: see ``FastText``; or fastText cannot read the file, or answers otherwise.
    """
    model = FastText(path)
    build = f"fasttext-predict-{version('fasttext-predict')}"
    note = models_folder() / "agreed" / f"{digest(path)}-{build}-{_reading()}.json"
    if note.exists():
        return model
    texts = probes()
    asked = subprocess.run(
        [sys.executable, "-m", __name__, str(path)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if asked.returncode:
        said = asked.stderr.strip().splitlines() or [f"it ended with {asked.returncode}"]
        raise DataError(f"fastText cannot read {path}: {said[-1]}")
    theirs: list[Told] = json.loads(asked.stdout)
    gaps = [gap(*told) for told in zip(_ours(model, texts), theirs, strict=True)]
    worst = max(range(len(texts)), key=gaps.__getitem__)
    if gaps[worst] > WITHIN:
        raise DataError(
            f"{path} is read otherwise by fastText: {gaps[worst]:.2g} apart on {texts[worst]!r}; "
            "use another model, and report this one"
        )
    with suppress(DataError):  # a folder that others look after: the next process asks again
        write_json(note, {"model": path.name, "texts": len(texts), "largest_gap": gaps[worst]})
    return model


def _reading() -> str:
    """What says how we read a model: 16 hex digits of the source of kernel and reader, so that a
    change of either has fastText asked anew."""
    sources = (Path(str(kernel.__file__)), Path(str(weights.__file__)))
    return hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:16]


def probes() -> list[str]:
    """Sentences of all bundled languages, and text that is none."""
    folder = files("sealdata") / "sample" / "text"
    corpora = sorted((file for file in folder.iterdir() if "_" in file.name), key=lambda f: f.name)
    lines = [file.read_text("utf-8").splitlines()[:SENTENCES] for file in corpora]
    return [*(line for own in lines for line in own), *ODD]


def gap(one: Told, other: Told) -> float:
    """The largest difference of two answers. A label that one of them leaves out has at most the
    probability of the least likely that it tells."""
    floors = [min(told.values()) if len(told) == MOST else LEAST for told in (one, other)]
    gaps = [abs(one[label] - other[label]) for label in one.keys() & other.keys()]
    gaps += [one[label] - floors[1] for label in one.keys() - other.keys()]
    gaps += [other[label] - floors[0] for label in other.keys() - one.keys()]
    return max(gaps, default=0.0)


def _ours(model: FastText, texts: list[str]) -> list[Told]:
    labels, probs = model.likeliest(pl.Series(texts, dtype=pl.String))
    rows = zip(labels.tolist(), probs.tolist(), strict=True)
    return [{model.labels[at]: prob for at, prob in zip(*row, strict=True) if prob} for row in rows]


def _theirs(path: str, texts: list[str]) -> list[Told]:
    import fasttext

    asked = fasttext.load_model(
        path
    ).f  # what is built on it is broken for lists (docs/explanation/lid.md)
    told = [asked.predict(text + "\n", MOST, LEAST, "strict") for text in texts]
    return [{label.removeprefix(weights.LABEL): prob for prob, label in row} for row in told]


if __name__ == "__main__":
    print(json.dumps(_theirs(sys.argv[1], json.load(sys.stdin))))
