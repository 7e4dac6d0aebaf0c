"""Do the evaluation sets of a recipe hold sentences in its languages?"""

from collections.abc import Iterator
from itertools import islice

import polars as pl

from sealdata.build_manifest import Finding
from sealdata.contamination.hashes import is_hash_file
from sealdata.contamination.sets import read_sentences
from sealdata.errors import SealError
from sealdata.languages import ENGLISH, confusable_set
from sealdata.pipeline.plan import Plan
from sealdata.sanity.declared_language import checker_of
from sealdata.sanity.findings import error, warning
from sealdata.sanity.samples import share, spread

SENTENCES = 100  # of each file, from its beginning
JUDGED = 500  # of each set, at equal distances
MIN_SENTENCES = 20  # with letters; with fewer, nothing is judged
MIN_SHARE = 0.02  # of sentences in a language of the recipe


def useless_sets(plan: Plan) -> Iterator[Finding]:
    """Sets that cannot be read, that hold no text, or text in languages that no source has."""
    try:
        files = plan.evaluation_files()
    except SealError:
        return  # reported as missing
    texts: dict[str, list[str]] = {}
    for file in files:
        if is_hash_file(file.path):
            continue  # hashes tell nothing about their text
        try:
            first = islice(read_sentences(file.path, file.columns), SENTENCES)
            texts.setdefault(file.set, []).extend(sentence.text for sentence in first)
        except SealError as problem:
            yield error("unusable", f"evaluation set {file.set!r}", str(problem))
    for name, sentences in texts.items():
        yield from _judge(plan, f"evaluation set {name!r}", pl.Series(sentences, dtype=pl.String))


def _judge(plan: Plan, where: str, sentences: pl.Series) -> Iterator[Finding]:
    if sentences.len() < MIN_SENTENCES:
        return
    # A small draw is enough: it is about nearly all sentences or nearly none.
    top = checker_of(plan).scores(spread(sentences, JUDGED), ENGLISH)["top"].drop_nulls()
    if not top.len():
        message = "no sentence that was looked at has a letter; name the columns of text"
        yield error("evaluation-set", where, message)
    if top.len() < MIN_SENTENCES:
        return
    declared = {table.tgt_lang for table in plan.recipe.source} | {ENGLISH}
    declared |= {table.src_lang for table in plan.recipe.source}
    declared |= {table.lang for table in plan.recipe.stream}
    related = {code for lang in declared for code in (lang, *confusable_set(lang))}
    fitting = share(top.is_in(list(related)))
    if fitting < MIN_SHARE:
        message = (
            f"{fitting:.0%} of {top.len()} sampled sentences are in a language of the recipe, so "
            "it keeps out next to nothing; name the files of your languages"
        )
        yield warning("evaluation-set", where, message)
