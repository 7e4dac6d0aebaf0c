import os
from pathlib import Path

import polars as pl
import pytest

from sealdata.component import load
from sealdata.pairs import DOCUMENT_SCHEMA, PAIR_SCHEMA, REJECT_SCHEMA
from sealdata.readers import Batch, Source

ROOT = Path(__file__).parents[3]


@pytest.fixture
def shared_data():
    """The folder of real corpora that are not part of the project."""
    folder = Path(os.environ.get("SEALDATA_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("no shared corpora; SEALDATA_SHARED names their folder")
    return folder


@pytest.fixture
def read(tmp_path):
    """Reads bytes (or a prepared path) with a reader and checks what every batch must hold."""

    def run(
        reader,
        data=b"",
        name="file.tsv",
        langs=("eng_Latn", "ind_Latn"),
        batch_rows=1000,
        **options,
    ):
        path = data if isinstance(data, Path) else tmp_path / name
        if not isinstance(data, Path):
            path.write_bytes(data)
        component = load("readers", reader, options)
        batches = list(component.batches(Source("corpus", path, *langs), batch_rows))
        return join(batches, batch_rows, component.yields)

    return run


def join(batches, batch_rows, yields):
    """All batches as one, after checking their schemas, their sizes and the numbering of rows."""
    schema = PAIR_SCHEMA if yields == "pairs" else DOCUMENT_SCHEMA
    for number, (good, rejected) in enumerate(batches):
        assert good.schema == pl.Schema(schema)
        assert rejected.schema == pl.Schema(REJECT_SCHEMA)
        rows = sorted([*good["row"], *rejected["row"]])
        assert rows == list(range(number * batch_rows, number * batch_rows + len(rows)))
        assert len(rows) == batch_rows or number == len(batches) - 1
    goods = [pl.DataFrame(schema=schema), *(batch.good for batch in batches)]
    bads = [pl.DataFrame(schema=REJECT_SCHEMA), *(batch.rejected for batch in batches)]
    return Batch(pl.concat(goods), pl.concat(bads))
