"""What a recipe would make in tokens, from a sample of each source, before anything is built."""

from dataclasses import dataclass
from pathlib import Path

from sealdata.dataset.pair_samples import draw
from sealdata.fetch.corpus_cards import read_corpus_card
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.streams import open_table, pair_formats
from sealdata.readers._sampling import Sample
from sealdata.recipe.tables import SourceTable
from sealdata.sanity.samples import Samples
from sealdata.stages.pack import PairOrigin, Tally
from sealdata.tokenizers import Tokenizer

SAMPLE_PAIRS = 2000  # per source
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


def estimate_tokens(plan: Plan, samples: Samples) -> list[SourceTokens]:
    """Each source measured on ``SAMPLE_PAIRS`` pairs of its sample, before any cleaner or rule.

    Raises:
        ConfigError: the tokenizer is unusable.
    """
    tokenizer = open_table(plan.recipe.tokenizer, plan)
    return [
        _source(plan, table, sample, tokenizer)
        for table, sample in samples.tables(plan)
        if isinstance(table, SourceTable)
    ]


def _source(plan: Plan, table: SourceTable, sample: Sample, tokenizer: Tokenizer) -> SourceTokens:
    # Neighbours are written together, so then the first pairs are taken and not drawn ones.
    drawn = plan.recipe.format.document_pairs == 1
    pairs = draw(sample.good, SAMPLE_PAIRS, _SEED) if drawn else sample.good.head(SAMPLE_PAIRS)
    lang = table.other_lang
    texts: list[str] = []
    for form in pair_formats(plan.recipe.format, lang):
        # As in packing, here under a seed of its own.
        origin = PairOrigin((), form)
        rows = origin.keyed(pairs, _SEED, Tally()).sort("key", "source", "row")
        for documents in origin.gather(iter([rows]), Tally()):
            texts += origin.documents(documents)["text"].to_list()
    return SourceTokens(
        name=table.name,
        lang=lang,
        num_pairs=pairs.height,
        num_documents=len(texts),
        # One EOS for each document.
        num_tokens=len(tokenizer.encode(texts).ids) + len(texts),
        published=_published(plan, table, lang),
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
