"""Origins: the documents of any sequence, by a search that reads two row groups of a sidecar."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.errors import DataError
from sealdata.files.frames import write_frame
from sealdata.shards.manifest import Segment
from sealdata.shards.sidecar_rows import origins
from sealdata.shards.tokens import ORIGIN_SCHEMA, TokenDocuments
from sealdata.shards.writer import SIDECAR_SCHEMA, StreamWriter

LENGTH = 8  # ids a sequence


def segment(number: int) -> Segment:
    return Segment(
        path=f"part-{number:05d}.npy",
        dtype="uint32",
        byte_start=0,
        num_sequences=4,
        file_size=4 * LENGTH * 4,
        sha256=None,
    )


def sidecars(folder: Path, lengths: list[int], group: int) -> tuple[list[Segment], list[int]]:
    """Documents end to end, in files of 4 sequences, row groups of ``group``; where each begins."""
    starts = (np.cumsum(lengths) - np.array(lengths)).tolist()
    segments = [segment(number) for number in range(-(-sum(lengths) // (4 * LENGTH)))]
    for number, one in enumerate(segments):
        here = [(row, at) for row, at in enumerate(starts) if at // (4 * LENGTH) == number]
        frame = pl.DataFrame(
            [(at // LENGTH, at % LENGTH, "s", row, 0, 1) for row, at in here],
            schema=SIDECAR_SCHEMA,
            orient="row",
        )
        write_frame(frame, folder / f"{Path(one.path).stem}.docs.parquet", group)
    return segments, starts


@settings(deadline=None, max_examples=40)
@given(
    lengths=st.lists(st.integers(1, 6) | st.integers(30, 90), min_size=1, max_size=40),
    group=st.integers(1, 9),
)
def test_rows_are_of_the_documents_in_the_sequence(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], group: int
) -> None:
    folder = tmp_path_factory.mktemp("stream")
    segments, starts = sidecars(folder, lengths, group)
    for sequence in range(sum(lengths) // LENGTH):
        first, stop = sequence * LENGTH, (sequence + 1) * LENGTH
        expected = [row for row, at in enumerate(starts) if first <= at < stop]
        before = [row for row, at in enumerate(starts) if at < first]
        found = origins(folder, segments[: sequence // 4 + 1], sequence)
        assert found["row"].to_list() == before[-1:] + expected


@pytest.fixture
def groups_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    counted: list[int] = []
    read: Callable[..., Any] = pq.ParquetFile.read_row_groups

    def counting(file: pq.ParquetFile, groups: list[int]) -> Any:
        counted.append(len(groups))
        return read(file, groups)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", counting)
    return counted


def test_two_row_groups_are_read_whatever_there_is(tmp_path: Path, groups_read: list[int]) -> None:
    rows = [(n // 2, n % 2 * 4, "s", n, 0, 1) for n in range(4000)]
    frame = pl.DataFrame(rows, schema=SIDECAR_SCHEMA, orient="row")
    write_frame(frame, tmp_path / "part-00000.docs.parquet", 20)
    for sequence in range(0, 2000, 111):
        found = origins(tmp_path, [segment(0)], sequence)
        assert found["row"].to_list() == [*range(max(2 * sequence - 1, 0), 2 * sequence + 2)]
    assert max(groups_read) <= 2


def test_sidecars_that_are_missing_or_damaged(tmp_path: Path) -> None:
    assert origins(tmp_path, [segment(0)], 0).is_empty()
    (tmp_path / "part-00000.docs.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match=r"cannot read .*part-00000\.docs\.parquet"):
        origins(tmp_path, [segment(0)], 0)


def test_the_sidecar_is_a_twentieth_of_the_ids_at_most(tmp_path: Path) -> None:
    """At 43 tokens a document, of pairs in an order by hash, of a corpus of 403.8 million."""
    random = np.random.default_rng(5)
    count = 120_000
    lengths = np.clip(random.gamma(3, 43 / 3, count).astype(np.int64), 4, 400)
    origin = pl.DataFrame(
        {
            "source": random.choice(["nllb-ind", "ccmatrix-ind"], count, p=[0.8, 0.2]),
            "row": random.choice(403_800_000, count, replace=False),
            "template": random.choice(2, count),
            "prompt": (lengths * random.uniform(0.4, 0.6, count)).astype(np.int64),
        }
    ).cast(ORIGIN_SCHEMA)  # type: ignore[arg-type]
    ids = np.ones(lengths.sum(), np.uint32)
    stream = StreamWriter(
        tmp_path, eos_id=0, vocab_size=100_278, sequence_length=4096, block_length=262_144
    )
    with stream:
        stream.write(TokenDocuments(ids, np.cumsum(lengths), origin), np.zeros_like(lengths))
        stream.close()
    assert 42 < lengths.mean() < 44
    ids_size = (tmp_path / "part-00000.npy").stat().st_size
    assert 0 < (tmp_path / "part-00000.docs.parquet").stat().st_size <= 0.05 * ids_size
