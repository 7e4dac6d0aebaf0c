"""What a recipe would make in tokens, from a sample of each source, before anything is built."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sealdata.dataset.pair_samples import draw
from sealdata.fetch.corpus_cards import read_corpus_card
from sealdata.formats.documents import ENGLISH
from sealdata.pairs import PAIR_SCHEMA, REJECT_SCHEMA, english_first
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.streams import open_table, pair_formats
from sealdata.readers import Batch
from sealdata.recipe.tables import SourceTable
from sealdata.shards.shuffle import row_keys
from sealdata.tokenizers import Tokenizer

SAMPLE_PAIRS = 2000  # per source, drawn from its first HEAD_ROWS records
HEAD_ROWS = 50_000
PAPER_PAIRS, PAPER_TOKENS = 403_800_000, 34_700_000_000  # of the OpenSeal paper
# A fixed seed: the estimate is printed before a build and should not change with the recipe's seed.
_SEED = 1


@dataclass(frozen=True)
class SourceTokens:
    """Tokens of the sampled pairs of one source, as the recipe writes them, EOS included."""

    name: str
    lang: str  # the side that is not English
    num_pairs: int  # measured
    num_documents: int
    num_tokens: int
    published: int | None  # pairs of the whole, where the source's data card says it
    rejected: int = 0  # of its first HEAD_ROWS records
    reason: str = ""  # for which most of these were rejected

    @property
    def per_pair(self) -> float | None:
        """Mean tokens of a pair in all its documents."""
        return self.num_tokens / self.num_pairs if self.num_pairs else None

    @property
    def per_document(self) -> float | None:
        """Mean tokens of a document."""
        return self.num_tokens / self.num_documents if self.num_documents else None

    @property
    def total(self) -> int | None:
        """Tokens of the whole if every pair were kept."""
        if self.published is None or self.per_pair is None:
            return None
        # An upper bound: rules and duplicates are not taken into account.
        return round(self.published * self.per_pair)


def estimate_tokens(plan: Plan) -> list[SourceTokens]:
    """Each source measured on ``SAMPLE_PAIRS`` of its first ``HEAD_ROWS`` records, by hash.

    Before any cleaner or rule. A corpus cannot be read anywhere but at its head without reading all
    of it, so one that is sorted may differ further on.

    Raises:
        ConfigError: the tokenizer is unusable.
        DataError: a source cannot be read.
    """
    tokenizer = open_table(plan.recipe.tokenizer, plan)
    return [_source(plan, table, tokenizer) for table in plan.recipe.source]


def _source(plan: Plan, table: SourceTable, tokenizer: Tokenizer) -> SourceTokens:
    reader, source = plan.reader(table)
    # Only the first batch is read. Batches may end earlier, where the text is long.
    batches = reader.batches(source, HEAD_ROWS)
    # A file without records has an estimate of 0 pairs, and the build says what is wrong with it.
    empty = Batch(pl.DataFrame(schema=PAIR_SCHEMA), pl.DataFrame(schema=REJECT_SCHEMA))
    head, rejected = next(batches, empty)
    reasons = rejected["reason"].value_counts(sort=True)["reason"]
    pairs = draw(english_first(head), SAMPLE_PAIRS, _SEED)
    # The keys decide direction and template of each pair, as in packing, here under a seed of its
    # own.
    keys = row_keys(pairs, _SEED)
    lang = table.tgt_lang if table.src_lang == ENGLISH else table.src_lang
    texts: list[str] = []
    for form in pair_formats(plan.recipe.format, lang):
        taken = form.takes(keys)
        documents = form.documents(pairs.filter(taken), keys.filter(taken))
        texts += documents["text"].to_list()
    return SourceTokens(
        name=table.name,
        lang=lang,
        num_pairs=pairs.height,
        num_documents=len(texts),
        # One EOS for each document.
        num_tokens=len(tokenizer.encode(texts).ids) + len(texts),
        published=_published(plan, table, lang),
        rejected=rejected.height,
        reason=reasons[0] if len(reasons) else "",
    )


def _published(plan: Plan, table: SourceTable, lang: str) -> int | None:
    """Pairs of the source by its card: of its file, or of the language if that is one source."""
    if table.card is None:
        return None
    card = read_corpus_card(table.card)
    part = card.parts.get(Path(table.path).stem)
    sides = {table.src_lang, table.tgt_lang}
    # A card counts by language. If a language comes from several files, its count belongs to none
    # of them.
    of_corpus = [
        other
        for other in plan.recipe.source
        if other.card == table.card and {other.src_lang, other.tgt_lang} == sides
    ]
    return card.counts.get(lang) if part is None and len(of_corpus) == 1 else part
