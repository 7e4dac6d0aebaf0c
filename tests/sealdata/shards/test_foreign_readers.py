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

import pytest

from sealdata.shards.foreign import write_sidecars

from .test_foreign import EOS, LENGTH, packed

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


def test_what_they_see(python: Path, tmp_path: Path) -> None:
    documents = [[1, 2], [3, 4], [1, 2, 3, 4, 5, 6, 7]]
    stream = packed(tmp_path / "stream", documents, [0, 2, 0])
    write_sidecars(stream, ("olmo-core", "datatrove", "megatron"))
    script = Path(__file__).with_name("read_with_others.py")
    command = [python, script, stream / "part-00000.npy", str(LENGTH), str(EOS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    sequences = [[1, 2, 9, 3, 4, 9, 9, 9], [1, 2, 3, 4, 5, 6, 7, 9]]
    assert seen["olmo"] == seen["datatrove"] == sequences
    # OLMo-core: padding is in no document, so what it packs by itself holds ours alone
    assert seen["olmo_documents"] == [[0, 3], [3, 6], [8, 16]]
    assert sorted(seen["olmo_packed"]) == sorted(sequences)
    # datatrove, Megatron: padding belongs to the document before it
    assert seen["datatrove_positions"] == [[0, 1, 2, 0, 1, 2, 3, 4], list(range(8))]
    assert seen["megatron"] == [[1, 2, 9], [3, 4, 9, 9, 9], [1, 2, 3, 4, 5, 6, 7, 9]]
