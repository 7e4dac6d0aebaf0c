"""Our files read, unmodified, by OLMo-core, datatrove and Megatron-core: `make readers`.

They are installed into an environment of their own, which borrows torch and numpy of this one; that
takes a minute or two and the package index, so `make test` leaves it out.
"""

import json
import os
import site
import subprocess
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sealdata.shards.interop_sidecars import write_sidecars
from sealdata.shards.manifest import read_stream_manifest
from sealdata.shards.packing import Mode, pack

from .test_interop_sidecars import EOS, LENGTH, packed

RELEASES = "ai2-olmo-core==3.0.0", "datatrove==0.10.1", "megatron-core==0.16.1"
FOLDER = os.environ.get("SEALDATA_READERS")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FOLDER is None, reason="`make readers` installs what it needs"),
]


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter that has all three."""
    folder = Path(str(FOLDER)).absolute()
    interpreter = folder / "bin" / "python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        [packages] = folder.glob("lib/python*/site-packages")
        (packages / "torch.pth").write_text("\n".join(site.getsitepackages()))
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *RELEASES], check=True)
        (folder / "installed").touch()
    return interpreter


def seen_in(python: Path, stream: Path) -> dict[str, Any]:
    """What the three make of a stream."""
    write_sidecars(stream, ("olmo-core", "datatrove", "megatron"))
    script = Path(__file__).with_name("read_with_others.py")
    dtype = read_stream_manifest(stream).dtype
    command = [python, script, stream, str(LENGTH), str(EOS), dtype]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def test_what_they_see(python: Path, tmp_path: Path) -> None:
    documents = [[1, 2], [3, 4], [1, 2, 3, 4, 5, 6, 7]]
    seen = seen_in(python, packed(tmp_path / "stream", documents, [0, 2, 0]))
    sequences = [[1, 2, 9, 3, 4, 9, 9, 9], [1, 2, 3, 4, 5, 6, 7, 9]]
    assert seen["olmo"] == seen["datatrove"] == sequences
    # OLMo-core: padding is in no document, so what it packs by itself holds ours alone
    assert seen["olmo_documents"] == [[[0, 3], [3, 6], [8, 16]]]
    assert sorted(seen["olmo_packed"]) == sorted(sequences)
    # datatrove, Megatron: padding belongs to the document before it
    assert seen["datatrove_positions"] == [[0, 1, 2, 0, 1, 2, 3, 4], list(range(8))]
    assert seen["megatron"] == [[[1, 2, 9], [3, 4, 9, 9, 9], [1, 2, 3, 4, 5, 6, 7, 9]]]


@pytest.mark.parametrize("mode", ["whole", "concat"])
@pytest.mark.parametrize("vocab_size", [60_000, 100_278])
def test_many_files_of_either_dtype(
    python: Path, tmp_path: Path, mode: Mode, vocab_size: int
) -> None:
    """Documents as the packer lays them, some longer than a sequence, one over three files."""
    random = np.random.default_rng(vocab_size)
    lengths = [*random.integers(1, 8, 40).tolist(), 11, 40, 3]
    documents = [random.integers(10, vocab_size, length).tolist() for length in lengths]
    order, padding, _ = pack(mode, np.array(lengths) + 1, LENGTH, hold=0)
    laid = [documents[place] for place in order]
    stream = packed(tmp_path / "stream", laid, padding.tolist(), vocab_size)
    segments = read_stream_manifest(stream).segments
    files = [np.fromfile(stream / one.path, one.dtype).tolist() for one in segments]
    assert len(files) > 9
    assert max(map(max, files)) > 40_000
    sequences = [file[at : at + LENGTH] for file in files for at in range(0, len(file), LENGTH)]
    found = [documents_of(file) for file in files]

    seen = seen_in(python, stream)
    assert seen["olmo"] == seen["datatrove"] == sequences
    assert seen["olmo_documents"] == [[[start, stop] for start, stop, _ in own] for own in found]
    rows = [spelt(row) for row in seen["olmo_packed"]]
    for file, own in zip(files, found, strict=True):
        for start, stop, _ in own:
            if stop - start <= LENGTH:  # longer ones it cuts short, open ones it leaves out
                inside = any(spelt(file[start:stop]) in row for row in rows)
                assert inside == (file[stop - 1] == EOS)
    starts = [[start for start, _, _ in own] for own in found]
    assert seen["megatron"] == [
        [file[start:end] for start, _, end in own] for file, own in zip(files, found, strict=True)
    ]
    positions = [  # they begin again with every sequence
        at - max(at - at % LENGTH, *(start for start in own if start <= at))
        for file, own in zip(files, starts, strict=True)
        for at in range(len(file))
    ]
    assert [at for row in seen["datatrove_positions"] for at in row] == positions


def documents_of(file: list[int]) -> list[tuple[int, int, int]]:
    """(start, end, end with padding) of the documents, or parts of some, in a file, by its ids."""
    found: list[tuple[int, int, int]] = []
    start = None
    for at, index in enumerate(file):
        if index != EOS:
            start = at if start is None else start
        elif start is not None:
            found.append((start, at + 1, at + 1))
            start = None
        elif found:
            found[-1] = (*found[-1][:2], at + 1)
        else:  # the EOS of a document that filled the file before
            found.append((at, at + 1, at + 1))
    if start is not None:
        found.append((start, len(file), len(file)))
    return found


def spelt(ids: list[int]) -> str:
    return "".join(f" {index}," for index in ids)
