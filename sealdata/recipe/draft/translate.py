"""One filter of OpusCleaner or OpusFilter as rules, where a score has the same meaning.

Most counterparts are near and not equal: both tools count words between white space, which Thai,
Lao, Khmer and Burmese do not write. A note says how they differ.

Source: the filters' own definitions (OpusFilter 3, OpusCleaner 0.7), as of 2026.
"""

import math
from collections.abc import Callable
from typing import Any

from sealdata.recipe.draft.calls import Call
from sealdata.recipe.draft.write import FilterDraft
from sealdata.text.regex import check_pattern

WORD_CHARS = 6  # characters of an English word and the space behind it, about
_WORDS = "CHECK: words are counted there, characters here, 6 a word"
_ANY_LANGUAGE_ID = "CHECK: another model decides here; compare `sealdata audit` before and after"


def add_call(draft: FilterDraft, call: Call) -> None:
    """Add the counterpart of a filter to the draft, or its name to those without one."""
    # OpusCleaner runs OpusFilter's filters under names with this prefix.
    name = call.name.removeprefix("opus.").removeprefix("opusfilter.filters.")
    translate = _COUNTERPARTS.get(name)
    shown = ", ".join(f"{key}={value!r}" for key, value in call.parameters.items())
    text = f"{call.name}({shown})"
    if translate is None:
        draft.without.append(text)
        return
    try:
        translate(draft, call, text)
    # A parameter of a type that the tool itself would refuse.
    except (TypeError, ValueError) as error:
        draft.without.append(f"{text}, because of a parameter: {error}")


def _rule(
    draft: FilterDraft, text: str, reason: str, score: str, note: str = "", **limits: float
) -> None:
    finite = {side: _plain(limit) for side, limit in limits.items() if math.isfinite(limit)}
    if not finite:
        draft.without.append(f"{text}, because it limits nothing")
        return
    draft.score.setdefault(score.partition(".")[0], {})
    rule: dict[str, Any] = {"reason": reason, "score": score, **finite}
    same = [other for other in draft.rules if (other["reason"], other["score"]) == (reason, score)]
    if same:  # a rule has one address; a second one of the same kind needs another
        rule = {"key": f"{reason}/{score}/{len(same) + 1}", **rule}
    draft.rules.append(rule)
    draft.notes.append(text + (f". {note}" if note else ""))


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else round(float(value), 4)


def _length(draft: FilterDraft, call: Call, text: str) -> None:
    in_words = call.get("unit", "word") == "word"
    factor, note = (WORD_CHARS, _WORDS) if in_words else (1, "")
    lows, highs = call.by_side("min_length", 1), call.by_side("max_length", 100)
    for side in lows:
        score = f"length.{side}_chars"
        low = float(lows[side])
        # A word has at least one character.
        _rule(draft, text, "too_short", score, note, min=low if low <= 1 else low * factor)
        _rule(draft, text, "too_long", score, note, max=float(highs[side]) * factor)


def _max_length(draft: FilterDraft, call: Call, text: str) -> None:
    values = {
        "min_length": call.number("MINLENGTH", 1),
        "max_length": call.number("MAXLENGTH", 150),
    }
    _length(draft, Call(call.name, values, call.english_last, call.language), text)


def _length_ratio(draft: FilterDraft, call: Call, text: str) -> None:
    note = "CHECK: characters are compared here, by what translations have on average"
    _rule(draft, text, "length_ratio", "ratio.chars", note, max=call.number("threshold", 3))


def _word_ratio(draft: FilterDraft, call: Call, text: str) -> None:
    ratio = call.number("RATIO", 0.6)
    if call.get("LOG", False) or ratio <= 0:
        draft.without.append(f"{text}, because it compares logarithms, or nothing")
        return
    note = "CHECK: the shorter over the longer in words there, the longer over the shorter here"
    _rule(draft, text, "length_ratio", "ratio.chars", note, max=1 / ratio)


def _letters(draft: FilterDraft, call: Call, text: str) -> None:
    note = "" if call.get("exclude_whitespace", False) else "CHECK: white space counts there"
    for side, limit in call.by_side("threshold", 0.75).items():
        _rule(draft, text, "few_letters", f"shares.{side}_letters", note, min=float(limit))


def _alpha_ratio(draft: FilterDraft, call: Call, text: str) -> None:
    limits = call.sides(call.number("SRCALPHARAT", 0.5), call.number("TRGALPHARAT", 0.5))
    note = "CHECK: only the ratio of letters; that of words has no counterpart"
    for side, limit in limits.items():
        _rule(draft, text, "few_letters", f"shares.{side}_letters", note, min=limit)


def _scripts(draft: FilterDraft, call: Call, text: str) -> None:
    note = "CHECK: the script is that of the declared language here"
    for side, limit in call.by_side("thresholds", 1).items():
        _rule(draft, text, "wrong_script", f"script.{side}_share", note, min=float(limit))


def _marks(draft: FilterDraft, call: Call, text: str) -> None:
    # The filter's score is -log(1 + difference + surplus), so that this many are too many.
    limit = math.floor(math.exp(-call.number("threshold", -2)) - 1)
    note = "CHECK: sentences of all scripts are counted here, and only their difference"
    _rule(draft, text, "sentences", "ending.apart", note, max=limit)


def _numerals(draft: FilterDraft, call: Call, text: str) -> None:
    note = "CHECK: whole numbers in digits of every script are compared here"
    limit = call.number("threshold", 0.5)
    _rule(draft, text, "number_mismatch", "numerals.agreement", note, min=limit)


def _num_mismatch(draft: FilterDraft, call: Call, text: str) -> None:
    note = "CHECK: shared numbers over all numbers here, over differing ones there"
    ratio = call.number("RATIO", 1.0)
    limit = ratio / (1 + ratio)
    _rule(draft, text, "number_mismatch", "numerals.agreement", note, min=limit)


def _language(draft: FilterDraft, call: Call, text: str) -> None:
    for side, limit in call.by_side("thresholds", 0).items():
        if float(limit) > 0:
            score = f"lid.{side}_prob"
            _rule(draft, text, "wrong_language", score, _ANY_LANGUAGE_ID, min=float(limit))
        else:  # the language must be the likeliest, however unsure
            score = f"lid.{side}_margin"
            _rule(draft, text, "wrong_language", score, _ANY_LANGUAGE_ID, min=0)


def _likeliest_language(draft: FilterDraft, call: Call, text: str) -> None:
    for side in call.sides(0, 0):
        score = f"lid.{side}_margin"
        _rule(draft, text, "wrong_language", score, _ANY_LANGUAGE_ID, min=0)


def _tags(draft: FilterDraft, call: Call, text: str) -> None:
    note = "CHECK: entities and remains of broken tags count here too"
    _rule(draft, text, "markup", "markup.remains", note, max=0)


def _pattern(draft: FilterDraft, call: Call, text: str) -> None:
    limits: dict[str, float] = {"min": 1} if call.get("accept_match", False) else {"max": 0}
    for side, pattern in call.by_side("regexps", None).items():
        if not isinstance(pattern, str):
            raise TypeError("regexps is not text")
        _matches(draft, text, side, check_pattern(pattern), "", **limits)


def _long_words(draft: FilterDraft, call: Call, text: str) -> None:
    note = "CHECK: only white space ends a word, so do not use it on Thai, Lao, Khmer or Burmese"
    for side, limit in call.by_side("threshold", 40).items():
        _matches(draft, text, side, rf"\S{{{int(limit)},}}", note, max=0)


def _matches(
    draft: FilterDraft, text: str, side: str, pattern: str, note: str, **limits: float
) -> None:
    """A rule on the matches of a pattern, by a scorer of its own."""
    table = {"scorer": "regex", "pattern": pattern}
    same = (name for name, other in draft.score.items() if other == table)
    number = sum(other.get("scorer") == "regex" for other in draft.score.values()) + 1
    name = next(same, f"pattern_{number}")
    draft.score[name] = table
    _rule(draft, text, "pattern", f"{name}.{side}_count", note, **limits)


def _similar(draft: FilterDraft, call: Call, text: str) -> None:
    note = "CHECK: case and weights of edits may differ"
    limit = call.number("threshold", 0.9)
    _rule(draft, text, "copy", "near_copy.similarity", note, max=limit)


def _repeated(draft: FilterDraft, call: Call, text: str) -> None:
    # A phrase that comes once and is repeated n times is n / (n + 1) repetition.
    threshold = call.number("threshold", 2)
    note = "CHECK: the share of a side that repeats what stands before it"
    for side in call.sides(0, 0):
        limit = threshold / (threshold + 1)
        _rule(draft, text, "repetition", f"repetition.{side}_share", note, max=limit)


def _embeddings(draft: FilterDraft, call: Call, text: str) -> None:
    limit = call.number("threshold", call.number("THRESHOLD", 0.5))
    # Rules on a score need its model, and this one must be fetched.
    draft.without.append(
        f"{text}: fetch LASER (sealdata models fetch laser2), add [score.laser] with "
        f'encoder = "laser" and a rule on laser.cosine, min = {_plain(limit)} to begin with'
    )


def _urls(draft: FilterDraft, call: Call, text: str) -> None:
    _rule(draft, text, "url_mismatch", "urls.mismatch", max=0)


def _identical(draft: FilterDraft, call: Call, text: str) -> None:
    _rule(draft, text, "copy", "copy.overlap", "CHECK: sides of few words pass", max=0.99)


def _nothing(draft: FilterDraft, call: Call, text: str) -> None:
    """Empty sides are dropped by every recipe."""


def _cleaner(name: str) -> Callable[[FilterDraft, Call, str], None]:
    def add(draft: FilterDraft, call: Call, text: str) -> None:
        draft.clean.setdefault(name, {})
        draft.cleaners.setdefault(name, text)

    return add


_COUNTERPARTS: dict[str, Callable[[FilterDraft, Call, str], None]] = {
    # OpusFilter
    "LengthFilter": _length,
    "LengthRatioFilter": _length_ratio,
    "AlphabetRatioFilter": _letters,
    "CharacterScoreFilter": _scripts,
    "TerminalPunctuationFilter": _marks,
    "NonZeroNumeralsFilter": _numerals,
    "LanguageIDFilter": _language,
    "LangidFilter": _language,
    "Cld2Filter": _language,
    "FastTextFilter": _language,
    "LinguaFilter": _language,
    "HeliportSimpleFilter": _likeliest_language,
    "HeliportConfidenceFilter": _language,
    "HtmlTagFilter": _tags,
    "LongWordFilter": _long_words,
    "RegExpFilter": _pattern,
    "SimilarityFilter": _similar,
    "RepetitionFilter": _repeated,
    "SentenceEmbeddingFilter": _embeddings,
    "WhitespaceNormalizer": _cleaner("whitespace"),
    # OpusCleaner
    "max_length": _max_length,
    "src_trg_ratio": _word_ratio,
    "alpha_ratio": _alpha_ratio,
    "num_mismatch": _num_mismatch,
    "url_mismatch": _urls,
    "fasttext_filter": _likeliest_language,
    "langid": _likeliest_language,
    "langid_heliport": _likeliest_language,
    "laser_similarity": _embeddings,
    "no_identical": _identical,
    "remove_empty_lines": _nothing,
    "normalize_whitespace": _cleaner("whitespace"),
    "deescape-special-chars": _cleaner("html"),
    "deescape_tsv": _cleaner("html"),
}
