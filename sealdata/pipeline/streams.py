"""The streams that a recipe asks for, each as a stage that packs it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Literal

from sealdata.errors import ConfigError, DataError
from sealdata.files.places import locate
from sealdata.formats.documents import PairFormat, orders
from sealdata.formats.templates import language_name
from sealdata.pipeline.plan import Plan
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

    # A build has one such record for each language and split.
    lang: str  # the side that is not English
    split: Split
    files: tuple[Path, ...]
    # Keys stand for the content: a stream is packed again only if the stages behind its files
    # change.
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
    # The tokenizer may be a file of the sample, or lie next to the recipe.
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
    # One tokenizer packs all streams, so that a trainer may mix them.
    tokenizer = open_table(plan.recipe.tokenizer, plan)
    # The order of the streams is also their order in the manifest. Parallel text comes first, text
    # from elsewhere last.
    streams = [
        *_parallel(plan, tokenizer, pairs),
        *_documents(plan, tokenizer, digest, limit),
        *_sides(plan, tokenizer, pairs),
        *_references(plan, tokenizer, digest, limit),
    ]
    # Two monolingual tables of one language have the same path. The second would replace the files
    # of the first.
    paths = [stream.path for stream in streams]
    for path in paths:
        if paths.count(path) > 1:
            raise ConfigError(f"two [[stream]] tables make {path}; put their text in one file")
    return streams


def _parallel(plan: Plan, tokenizer: Tokenizer, pairs: Sequence[PairFiles]) -> Iterator[Stream]:
    for kept in pairs:
        for form in pair_formats(plan.recipe.format, kept.lang):
            # The order on the page is in the name: ``eng_Latn-tha_Thai`` and ``tha_Thai-eng_Latn``
            # are two streams.
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
            # "random" makes two streams of about half the pairs each. "both" makes two streams
            # of all pairs.
            halved=table.directions == "random",
            templates=tuple(table.templates),
            # Equal weights draw each template equally often. Only their ratios matter.
            weights=tuple(table.weights or [1.0] * len(table.templates)),
            names=table.names,
            document_pairs=table.document_pairs,
            layout=table.document_layout,
        )
        # English is a side of every pair, so its position on the page decides the direction.
        for english_first in orders(table.directions)
    ]


def _documents(
    plan: Plan, tokenizer: Tokenizer, digest: Callable[[Path], str], limit: int | None
) -> Iterator[Stream]:
    recipe = plan.recipe
    for table in recipe.document_streams:
        # Documents come straight from a file: they pass no cleaner, no rule and no search for
        # duplicates.
        reader, source = plan.reader(table)
        # The content identifies the files, so a corpus that was moved is not packed again.
        inputs = tuple(digest(path) for path in reader.files(source.path))
        # Both splits read the whole file, and each takes the documents whose hash is on its side of
        # the share.
        for split in SPLITS:
            label = _label(plan, table, split)
            origin = TextOrigin(reader, source, recipe.validation.share, split, limit)
            yield _stream(plan, tokenizer, label, origin, inputs, table)


def _sides(plan: Plan, tokenizer: Tokenizer, pairs: Sequence[PairFiles]) -> Iterator[Stream]:
    """Monolingual text taken from the pairs; for English, from the pairs of all languages."""
    for table in plan.recipe.stream:
        # The pipeline has put English on the source side of every pair.
        side: Literal["src", "tgt"] = "src" if table.lang == "eng_Latn" else "tgt"
        # The split is that of the pair, so a sentence in validation is in no training stream.
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
    # A file from elsewhere has no sequence length of its own: it is cut into the recipe's.
    length = plan.recipe.pack.sequence_length
    return measure(plan.token_ranges(table), table.dtype or "uint32", length)


def check_token_files(plan: Plan) -> None:
    """Look into all token files before the long work begins.

    Raises:
        DataError: a sample holds ids or EOS that the recipe's tokenizer does not make so.
    """
    # Without such streams the tokenizer is opened only for packing.
    if not plan.recipe.token_streams:
        return
    tokenizer = open_table(plan.recipe.tokenizer, plan)
    for table in plan.recipe.token_streams:
        # A sample is enough: ids of another tokenizer or dtype appear in almost any sequence.
        problems = problems_of(
            token_files(plan, table).segments,
            plan.recipe.pack.sequence_length,
            vocab_size=tokenizer.vocab_size,
            eos_id=tokenizer.eos_id,
        )
        if problems:
            # The first problem is enough to stop; one wrong dtype causes one problem per file.
            raise DataError(f"stream {table.name!r}: {problems[0]}")


def _references(
    plan: Plan, tokenizer: Tokenizer, digest: Callable[[Path], str], limit: int | None
) -> Iterator[Stream]:
    """Token files from elsewhere; the last share of their sequences is validation."""
    length = plan.recipe.pack.sequence_length
    for table in plan.recipe.token_streams:
        # A large file is identified by a sample: hashing terabytes would take longer than training
        # on a part of them.
        files, inputs = identified(token_files(plan, table), digest)
        # With ``--limit`` the first sequences are used, as other sources use their first records.
        total = files.num_sequences if limit is None else min(files.num_sequences, limit)
        # The last sequences are validation: at least one if the share is above 0. Training always
        # keeps one.
        train = total - min(ceil(plan.recipe.validation.share * total), total - 1)
        for split in SPLITS:
            start, stop = (0, train) if split == "train" else (train, total)
            label = _label(plan, table, split)
            # A border between the splits may lie inside a file. The cut then makes two ranges of
            # it.
            segments = files.cut(start, stop, length)
            # Left-out tokens are counted once, on the training stream, so that sums over streams
            # are right.
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
        # Trainers address monolingual streams by language, and replay by a name that the recipe
        # chooses.
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
    # A stream is one part: its order is a shuffle over the whole text, so parts could not be packed
    # by themselves.
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
