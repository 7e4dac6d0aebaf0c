"""Reads one packed stream with OLMo-core, datatrove and Megatron-core; prints what they see.

Run by test_foreign_readers.py in an environment of their own: it imports nothing of ours.
"""

import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

stream, length, eos = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
parts = sorted(stream.glob("part-*[0-9].npy"))
seen: dict[str, object] = {}

import numpy as np  # noqa: E402
from olmo_core.data import NumpyFSLDataset, NumpyPackedFSLDataset  # noqa: E402
from olmo_core.data.utils import get_document_indices  # noqa: E402

common = {
    "sequence_length": length,
    "pad_token_id": eos,
    "eos_token_id": eos,
    "vocab_size": 1 << 17,
    "dtype": {"uint16": np.uint16, "uint32": np.uint32}[sys.argv[4]],
}
olmo = NumpyFSLDataset(*map(str, parts), **common)
olmo.prepare()
seen["olmo"] = [olmo[i]["input_ids"].tolist() for i in range(len(olmo))]
seen["olmo_documents"] = [
    [list(pair) for pair in get_document_indices(str(part))] for part in parts
]
packed = NumpyPackedFSLDataset(*map(str, parts), **common)
packed.work_dir = stream / "work"
packed.prepare()
seen["olmo_packed"] = [packed[i]["input_ids"].tolist() for i in range(len(packed))]

from datatrove.utils.dataset import DatatroveFolderDataset  # noqa: E402

folder = DatatroveFolderDataset(
    str(stream),
    seq_len=length - 1,  # it reads one more
    filename_pattern="part-*[0-9].npy",
    token_size=np.dtype(sys.argv[4]).itemsize,
    return_positions=True,
)
rows = [folder[i] for i in range(len(folder))]
seen["datatrove"] = [row["input_ids"].tolist() for row in rows]
seen["datatrove_positions"] = [row["positions"].tolist() for row in rows]

from megatron.core.datasets.indexed_dataset import IndexedDataset  # noqa: E402

seen["megatron"] = []
for part in parts:
    part.with_suffix(".bin").symlink_to(part.name)
    megatron = IndexedDataset(str(part.with_suffix("")))
    seen["megatron"].append([megatron[i].tolist() for i in range(len(megatron))])

print(json.dumps(seen))
