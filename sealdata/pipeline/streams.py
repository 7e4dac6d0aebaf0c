"""The streams that a recipe asks for, each as a stage that packs it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Literal

from sealdata.errors import ConfigError, DataError
from sealdata.formats.documents import PairFormat, orders
from sealdata.formats.templates import language_name
from sealdata.pipeline.plan import Plan, locate
from sealdata.recipe.tables import FormatTable, StreamTable, TokenizerTable
from sealdata.shards.manifest import Split
from sealdata.shards.token_files import TokenFiles, identified, measure, problems_of
from sealdata.stages.external_tokens import ReferenceTokenFiles
from sealdata.stages.pack import Layout, Pack, PairOrigin, SideOrigin, StreamLabel, TextOrigin
from sealdata.tokenizers import Tokenizer, open_tokenizer
from sealdata.workflow.stage import Stage

PART = "packed"  # the one part of a pack stage
SPLITS: tuple[Split, ...] = ("train", "validation")


@dataclass(frozen=True)
class PairFiles:
    """The kept pairs of one language and split; ``keys`` of the stages that wrote them."""

    lang: str  # the side that is not English
    split: Split
    files: tuple[Path, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Stream:
    """A planned stream: its folder under ``shards``, and the stage that packs it."""

    label: StreamLabel
    stage: Stage
    documents: bool = False  # of a reader, not of pairs or token files

    @property
    def path(self) -> str:
        """``train/parallel/eng_Latn-tha_Thai``: its folder under ``shards``."""
        return f"{self.label.split}/{self.label.kind}/{self.label.name}"


def open_table(table: TokenizerTable, plan: Plan) -> Tokenizer:
    """The tokenizer that a recipe's table names.

    Raises:
        ConfigError: see ``open_tokenizer``.
    """
    return open_tokenizer(locate(table.path, plan.base), table.kind, table.options)


def plan_streams(
    plan: Plan,
    pairs: Sequence[PairFiles],
    digest: Callable[[Path], str],
    limit: int | None = None,
) -> list[Stream]:
    """All streams, parallel ones first, ready for ``run_stages``; some may be empty.

    ``digest`` returns the SHA-256 of an input file; ``limit`` reads only the first records of each.

    Raises:
        ConfigError: the tokenizer is unusable, or two streams would have the same path.
    """
    tokenizer = open_table(plan.recipe.tokenizer, plan)
    streams = [
        *_parallel(plan, tokenizer, pairs),
        *_documents(plan, tokenizer, digest, limit),
        *_sides(plan, tokenizer, pairs),
        *_references(plan, tokenizer, digest, limit),
    ]
    paths = [stream.path for stream in streams]
    for path in paths:
        if paths.count(path) > 1:
            raise ConfigError(f"two [[stream]] tables make {path}; put their text in one file")
    return streams


def _parallel(plan: Plan, tokenizer: Tokenizer, pairs: Sequence[PairFiles]) -> Iterator[Stream]:
    for kept in pairs:
        for form in pair_formats(plan.recipe.format, kept.lang):
            label = StreamLabel(
                split=kept.split,
                kind="parallel",
                name="-".join(form.languages),
                languages=form.languages,
                language_names=form.language_names,
                templates=form.templates,
            )
            origin = PairOrigin(kept.files, form)
            yield _stream(plan, tokenizer, label, origin, kept.keys)


def pair_formats(table: FormatTable, lang: str) -> list[PairFormat]:
    """How the pairs of English and ``lang`` are written: one format per stream."""
    return [
        PairFormat(
            lang=lang,
            english_first=english_first,
            halved=table.directions == "alternate",
            templates=tuple(table.templates),
            weights=tuple(table.weights or [1.0] * len(table.templates)),
            names=table.names,
        )
        for english_first in orders(table.directions)
    ]


def _documents(
    plan: Plan, tokenizer: Tokenizer, digest: Callable[[Path], str], limit: int | None
) -> Iterator[Stream]:
    recipe = plan.recipe
    for table in recipe.document_streams:
        reader, source = plan.reader(table)
        inputs = tuple(digest(path) for path in reader.files(source.path))
        for split in SPLITS:
            label = _label(plan, table, split)
            origin = TextOrigin(reader, source, recipe.validation.share, split, limit)
            yield _stream(plan, tokenizer, label, origin, inputs, table)


def _sides(plan: Plan, tokenizer: Tokenizer, pairs: Sequence[PairFiles]) -> Iterator[Stream]:
    """Monolingual text taken from the pairs; for English, from the pairs of all languages."""
    for table in plan.recipe.stream:
        side: Literal["src", "tgt"] = "src" if table.lang == "eng_Latn" else "tgt"
        for split in SPLITS if table.from_pairs else ():
            kept = [
                p for p in pairs if p.split == split and (side == "src" or p.lang == table.lang)
            ]
            files = tuple(file for pairs_kept in kept for file in pairs_kept.files)
            keys = tuple(key for pairs_kept in kept for key in pairs_kept.keys)
            label = _label(plan, table, split)
            yield _stream(plan, tokenizer, label, SideOrigin(files, side), keys, table)


def token_files(plan: Plan, table: StreamTable) -> TokenFiles:
    """What a stream of token files takes, computed from sizes only.

    Raises:
        SealError: see ``Plan.token_ranges`` and ``measure``.
    """
    length = plan.recipe.pack.sequence_length
    return measure(plan.token_ranges(table), table.dtype or "uint32", length)


def check_token_files(plan: Plan) -> None:
    """Look into all token files before the long work begins.

    Raises:
        DataError: a sample holds ids or EOS that the recipe's tokenizer does not make so.
    """
    if not plan.recipe.token_streams:
        return
    tokenizer = open_table(plan.recipe.tokenizer, plan)
    for table in plan.recipe.token_streams:
        problems = problems_of(
            token_files(plan, table).segments,
            plan.recipe.pack.sequence_length,
            vocab_size=tokenizer.vocab_size,
            eos_id=tokenizer.eos_id,
        )
        if problems:
            raise DataError(f"stream {table.name!r}: {problems[0]}")


def _references(
    plan: Plan, tokenizer: Tokenizer, digest: Callable[[Path], str], limit: int | None
) -> Iterator[Stream]:
    """Token files from elsewhere; the last share of their sequences is validation."""
    length = plan.recipe.pack.sequence_length
    for table in plan.recipe.token_streams:
        files, inputs = identified(token_files(plan, table), digest)
        total = files.num_sequences if limit is None else min(files.num_sequences, limit)
        train = total - min(ceil(plan.recipe.validation.share * total), total - 1)
        for split in SPLITS:
            start, stop = (0, train) if split == "train" else (train, total)
            label = _label(plan, table, split)
            segments = files.cut(start, stop, length)
            left_out = files.left_out if split == "train" and limit is None else 0
            step = ReferenceTokenFiles(
                label, segments, total, left_out, tokenizer, _layout(plan, table)
            )
            stage = Stage.of(step, tuple(inputs), (PART,))
            yield Stream(label, stage)


def _label(plan: Plan, table: StreamTable, split: Split) -> StreamLabel:
    """What the manifest of a [[stream]] table's stream says."""
    return StreamLabel(
        split=split,
        kind=table.kind,
        name=table.lang if table.kind == "monolingual" else table.name,
        languages=(table.lang,),
        language_names={table.lang: language_name(table.lang, plan.recipe.format.names)},
    )


def _stream(
    plan: Plan,
    tokenizer: Tokenizer,
    label: StreamLabel,
    origin: PairOrigin | TextOrigin | SideOrigin,
    inputs: tuple[str, ...],
    table: StreamTable | None = None,
) -> Stream:
    step = Pack(label, origin, tokenizer, _layout(plan, table), plan.recipe.seed)
    return Stream(label, Stage.of(step, inputs, (PART,)), isinstance(origin, TextOrigin))


def _layout(plan: Plan, table: StreamTable | None) -> Layout:
    pack = plan.recipe.pack
    return Layout(
        mode=_mode(plan, table),
        sequence_length=pack.sequence_length,
        block_length=pack.block_length,
        lookahead=pack.lookahead,
        sidecars=tuple(pack.sidecars),
    )


def _mode(plan: Plan, table: StreamTable | None) -> Literal["whole", "concat"]:
    """Replay goes end to end, as the base model's own data did, unless its table says otherwise."""
    if table is None or (table.mode is None and table.kind == "monolingual"):
        return plan.recipe.pack.mode
    return table.mode or "concat"
