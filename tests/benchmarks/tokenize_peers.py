"""Tokenised documents by datatrove and by datasets.map, each in an environment of its own.

The input is documents ready made, which spares both the templates and the order by hash; both
write ids with an EOS after each document. One process, one thread.
"""

import subprocess
import sys
import venv
from pathlib import Path

PEERS = {
    "datatrove": "datatrove 0.10.1, tokenizer pipeline",
    "datasets": "`datasets.map`, then written",
}
RELEASES = "datatrove[processing,io]==0.10.1", "transformers>=5.2", "datasets>=5", "orjson"

_DATATROVE = """
import shutil, sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.tokens import DocumentTokenizer
source, tokenizer, out = sys.argv[1:]
shutil.rmtree(out, ignore_errors=True)
LocalPipelineExecutor(
    [
        ParquetReader(source, glob_pattern="documents.parquet"),
        DocumentTokenizer(
            f"{out}/ids", tokenizer_name_or_path=tokenizer, eos_token="<|endoftext|>",
            local_working_dir=f"{out}/work", shuffle_documents=True,
        ),
    ],
    tasks=1, workers=1, logging_dir=f"{out}/logs",
).run()
"""
_DATASETS = """
import shutil, sys
from pathlib import Path
import numpy as np
from datasets import Dataset
from transformers import PreTrainedTokenizerFast
source, file, out = sys.argv[1:]
shutil.rmtree(out, ignore_errors=True)
Path(out).mkdir(parents=True)
tokenizer = PreTrainedTokenizerFast(tokenizer_file=file, eos_token="<|endoftext|>")
eos = tokenizer.eos_token_id
def ids(batch):
    found = tokenizer(batch["text"], add_special_tokens=False, return_attention_mask=False)
    return {"ids": [row + [eos] for row in found["input_ids"]]}
read = Dataset.from_parquet(f"{source}/documents.parquet", cache_dir=f"{out}/cache")
done = read.map(ids, batched=True, remove_columns=read.column_names)
with open(f"{out}/ids.npy", "wb") as handle:
    for batch in done.with_format("arrow").iter(10_000):
        batch["ids"].combine_chunks().flatten().to_numpy().astype(np.uint16).tofile(handle)
"""


def install(folder: Path) -> Path:
    """Path of the interpreter, its environment made in ``folder`` unless it is there."""
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *RELEASES], check=True)
        (folder / "installed").touch()
    return python


def run(python: Path, way: str, source: Path, tokenizer: Path, out: Path) -> None:
    """Tokenise ``source/documents.parquet`` by ``datatrove`` or ``datasets`` into ``out``."""
    script = {"datatrove": _DATATROVE, "datasets": _DATASETS}[way]
    command = [str(python), "-c", script, str(source), str(tokenizer), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{way}: {done.stderr[-2000:]}")
