"""Tokenising and packing with the bundled tokenizer."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from sealdata.files.frames import write_frame
from sealdata.files.places import sample_dir
from sealdata.formats.documents import PairFormat
from sealdata.recipe.tables import FormatTable, PackTable
from sealdata.shards.shuffle import row_keys
from sealdata.stages.pack import Layout, Pack, PairOrigin, StreamLabel
from sealdata.tokenizers import Tokenizer, open_tokenizer
from sealdata.tokenizers._json import load_json

from .corpus import THAI, pairs_of
from .race import Race, cpu_seconds, race
from .tokenize_peers import PEERS, run


def tokenising(pairs: pl.DataFrame, repeats: int) -> Iterator[Race]:
    """The path that a tokenizer.json takes by itself, against the library it was made with."""
    texts = [*pairs["src"], *pairs["tgt"]]
    folder = sample_dir() / "tokenizers" / "bpe"
    fast, sure = open_tokenizer(folder), open_tokenizer(folder, kind="hf")
    encoder = load_json(fast.path, None).encoder
    num_tokens = len(fast.encode(texts).ids)
    assert num_tokens == len(sure.encode(texts).ids)
    ways = {
        "kind tiktoken": lambda: fast.encode(texts),
        "kind hf": lambda: sure.encode(texts),
        "`tokenizers.encode_batch`": lambda: [
            encoding.ids for encoding in encoder.encode_batch(texts, add_special_tokens=False)
        ],
    }
    yield race("tokenising sentences", num_tokens, "tokens", ways, repeats)


def pair_stage(files: tuple[Path, ...]) -> Pack:
    """The stage that packs kept pairs of English and Thai, in this order, by the defaults."""
    form, table = _form(), PackTable()
    label = StreamLabel(
        "train",
        "parallel",
        "-".join(form.languages),
        form.languages,
        form.language_names,
        form.templates,
    )
    layout = Layout(table.mode, table.sequence_length, table.block_length, table.lookahead)
    return Pack(label, PairOrigin(files, form), _tokenizer(), layout, seed=1)


def _form() -> PairFormat:
    return PairFormat(THAI, True, False, (FormatTable().templates[0],), (1.0,), "english")


def _tokenizer() -> Tokenizer:
    return open_tokenizer(sample_dir() / "tokenizers" / "bpe")


def packing(
    num_pairs: int, repeats: int, folder: Path, peers: Path | None = None
) -> Iterator[Race]:
    """Pairs in parquet to token files: format, shuffle, tokenise, pack, write.

    With the interpreter ``peers``, against what datatrove and `datasets.map` take for the same
    documents, which they find ready made; what either takes to start, measured on one document, is
    off its figure, and ours has none in it.
    """
    kept = folder / "kept.parquet"
    write_frame(pairs_of(THAI, num_pairs), kept)
    tokenizer, form = _tokenizer(), _form()
    stage = pair_stage((kept,))

    def packed() -> int:
        with TemporaryDirectory(dir=folder) as out:
            return int(stage("stream", Path(out)).facts["num_tokens"])

    if peers is None:
        yield race("pairs to packed shards", packed(), "tokens", {"stage pack": packed}, repeats)
        return
    sources = {count: folder / f"documents-{count}" for count in (1, num_pairs)}
    for count, source in sources.items():
        source.mkdir()
        pairs = pairs_of(THAI, count)
        documents = form.documents(pairs, row_keys(pairs, seed=1))
        named = documents.select("text", id=pl.col("row").cast(pl.String))
        write_frame(named, source / "documents.parquet")

    def peer(way: str, count: int) -> None:
        run(peers, way, sources[count], tokenizer.path, folder / "peer")

    for way, title in PEERS.items():
        ways = {"stage pack": packed, title: partial(peer, way, num_pairs)}
        result = race("pairs to packed shards", packed(), "tokens", ways, repeats)
        start = cpu_seconds(partial(peer, way, 1))
        result.seconds[title][:] = [seconds - start for seconds in result.seconds[title]]
        yield result
