"""Filters that look across all sources: duplicates, caps per side, near-duplicates.

Each works in three steps. Every part writes keys, sorted. One range of keys after another is read
from all parts and decided. Each part then collects its decisions into a mask
(``sealdata.stages.partition``).
"""

from collections.abc import Callable, Sequence
from functools import partial

from sealdata.pipeline.source_state import RunContext, SourceState
from sealdata.stages.caps import Cap, Side, SideKeys
from sealdata.stages.dedup import Resolve
from sealdata.stages.near import SKETCHES_PER_RANGE, Bands, Edges, Sketches, Verify
from sealdata.stages.partition import Flag, KeyFile, range_names
from sealdata.stages.rules import DropMask
from sealdata.workflow.stage import Stage, StageOutput, Step

# A resolver takes the key files of all sources. It returns the step that decides one range of keys.
Resolver = Callable[[tuple[KeyFile, ...]], Step]
Orders = list[dict[str, int]]  # per source: part -> its place in the order of precedence


def drop_duplicates(run: RunContext, sources: Sequence[SourceState]) -> None:
    """Keep the first of pairs with equal keys, in the order of the recipe's sources."""
    if not run.plan.recipe.dedup.off:
        # The keys were written while the sources were read, so no text is read again here.
        keys = [source.keys for source in sources]
        _add_masks(run, sources, "dedup", "duplicate", keys, Resolve)


def cap_sides(run: RunContext, sources: Sequence[SourceState]) -> None:
    """Limit how many pairs share a side. English sides come first: a pair that their cap drops does
    not count towards the cap of its other side."""
    # Each side is a round of its own: the ranks of targets depend on which pairs survive the cap of
    # sources.
    table = run.plan.recipe.caps
    limits: list[tuple[Side, int | None]] = [("src", table.max_per_src), ("tgt", table.max_per_tgt)]
    for side, limit in limits:
        # Only a missing limit switches the cap off: the recipe refuses 0.
        if limit is None:
            continue
        # Made again for each side: the masks of the first cap count for the second.
        evaluators = [run.evaluator(source) for source in sources]
        keyed = run.run(
            [
                Stage.of(
                    # Hashes of both sides are in the key files. This step only drops pairs that no
                    # longer survive, and adds the score.
                    SideKeys(evaluator, source.keys.folder, side, table.score),
                    (*evaluator.inputs(), source.keys.key),
                    source.cleaned.parts,
                    rows=source.cleaned.rows,
                )
                for evaluator, source in zip(evaluators, sources, strict=True)
            ]
        )
        resolver = partial(Cap, side=side, limit=limit)
        _add_masks(run, sources, "caps", f"over_{side}_cap", keyed, resolver)


def drop_near_duplicates(run: RunContext, sources: Sequence[SourceState]) -> None:
    """Keep the first of similar pairs of one language; see ``sealdata.stages.near``."""
    # The default is off: the stage needs rensa, which is an optional dependency.
    jaccard = run.plan.recipe.near_dedup.jaccard
    if jaccard is None:
        return
    evaluators = [run.evaluator(source) for source in sources]
    bands = run.run(
        [
            Stage.of(
                Bands(evaluator), evaluator.inputs(), source.cleaned.parts, rows=source.cleaned.rows
            )
            for evaluator, source in zip(evaluators, sources, strict=True)
        ]
    )
    # Two rounds of ranges: first by band, to find couples; then by couple, to compare sketches.
    # In the first round, part names are ranges of bands. A couple is found by any of its 20 bands,
    # so it may be listed in several ranges.
    edges, orders = _resolve(run, sources, bands, Edges)
    # Sketches are made again, for the ends of couples only. A sketch of every pair on disk would
    # cost 128 bytes a pair, whether it is in a couple or not.
    sketched = run.run(
        [
            Stage.of(
                Sketches(edges.folder, edges.parts, order, source.cleaned.folder),
                # The evaluator is not among the inputs: which pairs survive is already decided in
                # ``edges``.
                (source.cleaned.key, edges.key),
                source.cleaned.parts,
                rows=source.cleaned.rows,
            )
            for order, source in zip(orders, sources, strict=True)
        ]
    )
    resolver = partial(Verify, jaccard=jaccard)
    _add_masks(
        run,
        sources,
        "near-dedup",
        "near_duplicate",
        sketched,
        resolver,
        # A row of this round carries a sketch of 128 bytes, so a range holds an eighth of the usual
        # rows.
        keys_per_range=SKETCHES_PER_RANGE,
    )


def _add_masks(
    run: RunContext,
    sources: Sequence[SourceState],
    stage: str,
    reason: str,
    keyed: Sequence[StageOutput],
    resolver: Resolver,
    keys_per_range: int | None = None,
) -> None:
    """Let ``resolver`` decide in each range of the keys; add each source's drops to its masks."""
    # Ranges are decided over all sources. The decisions then go back to the parts that hold the
    # rows.
    resolved, orders = _resolve(run, sources, keyed, resolver, keys_per_range)
    masks = run.run(
        [
            Stage.of(
                Flag(
                    resolved.stage,
                    reason,
                    resolved.folder,
                    resolved.parts,
                    order,
                    source.cleaned.folder,
                ),
                # The decisions are the only input. A mask needs the height of its part, but not the
                # text.
                (resolved.key,),
                source.cleaned.parts,
                rows=source.cleaned.rows,
            )
            for order, source in zip(orders, sources, strict=True)
        ]
    )
    for source, mask in zip(sources, masks, strict=True):
        # Evaluators that are made after this line see the mask, and the keys of their stages
        # include it.
        source.masks.append(DropMask(stage, reason, mask.ref))


def _resolve(
    run: RunContext,
    sources: Sequence[SourceState],
    keyed: Sequence[StageOutput],
    resolver: Resolver,
    keys_per_range: int | None = None,
) -> tuple[StageOutput, Orders]:
    """``resolver`` over all ranges of the keys, and each part's place in the order of precedence:
    that of the sources in the recipe, then of their parts."""
    files: list[KeyFile] = []
    # One running number over all parts of all sources: the lower number keeps its pair. Parts are
    # numbered by the recipe, not by who finishes first, so any number of workers decides alike.
    orders: Orders = [{} for _ in keyed]
    for source, output, order in zip(sources, keyed, orders, strict=True):
        for part in output.parts:
            # Two pairs are compared by (order, at): file of keys, then row in the part. Rows of one
            # part keep the order of the corpus.
            order[part] = len(files)
            files.append(KeyFile(output.folder / f"{part}.parquet", order[part], source.lang))
    # Ranges are sized by the number of keys, so that one range fits into memory at any corpus size.
    # Pairs without keys, such as those that a rule dropped, take no place in a range.
    num_keys = sum(record.facts["keys"] for output in keyed for record in output.records)
    ranges = range_names(num_keys, keys_per_range)
    # A change in one source changes the key of this stage: any of its pairs may now come first.
    inputs = tuple(output.key for output in keyed)
    [resolved] = run.run([Stage.of(resolver(tuple(files)), inputs, ranges)])
    return resolved, orders
