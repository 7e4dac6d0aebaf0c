"""Reads one packed stream with OLMo-core, datatrove and Megatron-core; prints what they see.

Run by test_foreign_readers.py in an environment of their own: it imports nothing of ours.
"""

import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

part, length, eos = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
seen: dict[str, object] = {}

import numpy as np  # noqa: E402
from olmo_core.data import NumpyFSLDataset, NumpyPackedFSLDataset  # noqa: E402
from olmo_core.data.utils import get_document_indices  # noqa: E402

common = {
    "sequence_length": length,
    "pad_token_id": eos,
    "eos_token_id": eos,
    "vocab_size": 1 << 17,
    "dtype": np.uint16,
}
olmo = NumpyFSLDataset(str(part), **common)
olmo.prepare()
seen["olmo"] = [olmo[i]["input_ids"].tolist() for i in range(len(olmo))]
seen["olmo_documents"] = [list(pair) for pair in get_document_indices(str(part))]
packed = NumpyPackedFSLDataset(str(part), **common)
packed.work_dir = part.parent / "work"
packed.prepare()
seen["olmo_packed"] = [packed[i]["input_ids"].tolist() for i in range(len(packed))]

from datatrove.utils.dataset import DatatroveFolderDataset  # noqa: E402

folder = DatatroveFolderDataset(
    str(part.parent),
    seq_len=length - 1,  # it reads one more
    filename_pattern="part-*[0-9].npy",
    token_size=2,
    return_positions=True,
)
rows = [folder[i] for i in range(len(folder))]
seen["datatrove"] = [row["input_ids"].tolist() for row in rows]
seen["datatrove_positions"] = [row["positions"].tolist() for row in rows]

from megatron.core.datasets.indexed_dataset import IndexedDataset  # noqa: E402

part.with_suffix(".bin").symlink_to(part.name)
megatron = IndexedDataset(str(part.with_suffix("")))
seen["megatron"] = [megatron[i].tolist() for i in range(len(megatron))]

print(json.dumps(seen))
