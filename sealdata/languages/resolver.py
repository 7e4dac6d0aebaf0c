"""Which language a code means: FLORES, ISO 639, BCP 47, OPUS, NTREX, GlotLID, XLM-R."""

import difflib
import re

import sealdata.languages.tags as tags
from sealdata.errors import ConfigError
from sealdata.languages.language import Language
from sealdata.languages.registry import ENGLISH, cached_by_registry, derived, languages

# Codes of ISO 639-3 that are words in names of files and columns. They mean a language of no table
# only with a script (src_Latn).
_WORDS = (
    "all amp and asc bad bin bit bpe cer chr cls col cpu csv cut day dev dis doc dup end env err",
    "few fix for gap get got gpu hit hop hyp img ink inv key kid lab lag lay led len lex lid log",
    "low mad map mat max mem mid min mix mod nat neg new nil not now num off old one opt ord out",
    "own par pca pct per pip plt ply pos pre prs ptr pub put raw ref reg rel rem rep res rev row",
    "rst run sav sec sen seq set sha sim sip sit src ssh std str sub sum sys tab tag tar tbl ted",
    "ten tgt tip tmp tmx tok top try tsv two txt uid una uni unk uri url usa use val var ver vid",
    "vis voc vol web wer win xls xml yes zip",
)
_FILE_WORDS = frozenset(" ".join(_WORDS).split())
# langcodes reads almost anything as a tag.
_NOT_A_CODE = re.compile(r"[^A-Za-z0-9_-]|^[xi]-", re.IGNORECASE)


# Further codes of what the tables have as one script.
_SAME_SCRIPT = {"Kore": "Hang", "Hira": "Jpan", "Kana": "Jpan", "Hrkt": "Jpan", "Aran": "Arab"}


@cached_by_registry
def _by_alias() -> dict[str, Language]:
    by_alias: dict[str, Language] = {}
    for language in languages().values():
        # Builds of two recipes may have an alias for two languages. The first one keeps it.
        for alias in (language.code, *language.aliases):
            by_alias.setdefault(alias, language)
    return by_alias


@cached_by_registry
def _by_base() -> dict[str, Language]:
    """Languages by the first part of their codes: of two scripts, in the likelier one."""
    by_base: dict[str, Language] = {}
    for language in languages().values():
        base = language.code.split("_")[0]
        earlier = by_base.setdefault(base, language)
        likely = tags.likely_script(base)
        if earlier.script != likely == language.script:
            by_base[base] = language
    return by_base


@cached_by_registry
def _by_subtags() -> dict[str, dict[str, Language]]:
    """Languages by the primary subtag of BCP 47 that each of their codes means, then by script."""
    by_subtag: dict[str, dict[str, Language]] = {}
    # What a code says itself goes before what it is a kind of: `sq` is Albanian in general, and
    # `als`, its usual kind, is what a table has.
    for language in languages().values():
        for alias in (language.code, *language.aliases):
            # Varieties of FLORES+ (twi_Latn_asan1239) say nothing about their language.
            if alias.count("_") < 2 and (parsed := tags.parse(alias)):
                by_subtag.setdefault(parsed.language, {}).setdefault(language.script, language)
    for language in languages().values():
        subtag = tags.subtag_of(language.code.split("_")[0])
        by_subtag.setdefault(subtag, {}).setdefault(language.script, language)
    return by_subtag


@cached_by_registry
def language_of_tag(tag: str) -> str | None:
    """The FLORES-200 code of a tag that stands for one language; None: it stands for none.

    A tag is a code of a known language or any BCP 47 tag, in any case, with ``-`` or ``_``: also
    withdrawn (``in``, ``jw``), of ISO 639-1, 639-2 (both kinds) and 639-3. A region does not change
    the language: ``en-US`` is English. In Chinese the region decides the script, if none is
    written. A language that is in no table gets a code of ISO 639-3 and a script (``chv_Cyrl``).
    A script that the language is not written in means no language.
    """
    language = _meaning(tag)
    return language.code if language else None


def _meaning(tag: str) -> Language | None:
    if tag in _by_alias():
        return _by_alias()[tag]
    if tag.lower() in _by_base():
        # Before BCP 47, by which prs is fa.
        return _by_base()[tag.lower()]
    parts = tag.split("_")
    if len(parts) == 3 and "_".join(parts[:2]) in languages():
        # FLORES+ adds the Glottolog code of the variety.
        return languages()["_".join(parts[:2])]
    parsed = None if _NOT_A_CODE.search(tag) else tags.parse(tag)
    if parsed is None:
        return None
    by_script = _by_subtags().get(parsed.language, {})
    if (same := _SAME_SCRIPT.get(parsed.script or "")) in by_script:
        return by_script[same]
    if parsed.script is None and parsed.likely not in by_script and by_script:
        # CLDR thinks of another script than the tables, whose first one counts.
        return next(iter(by_script.values()))
    return by_script.get(parsed.script or parsed.likely or "") or _unlisted(parsed)


def _unlisted(parsed: tags.Subtags) -> Language | None:
    """A language that no table lists, if its tag says all that is needed."""
    if not tags.is_language(parsed.language):
        return None
    if parsed.script is None and parsed.language in _FILE_WORDS:
        return None
    written = tags.scripts_of(parsed.language)
    # Where CLDR has no script, the code must say it: Evenki is evn_Cyrl.
    script = parsed.script or (parsed.likely if parsed.likely in written else None)
    if script is None or (written and script not in written) or not tags.is_script(script):
        return None
    code = tags.alpha3(parsed.language)
    return derived(f"{code}_{script}", {})


def find_language(code: str) -> Language | None:
    """The language of a code in a recipe or file name; None: not a known one.

    As ``language_of_tag``, but ``en-id`` is not the English of Indonesia: there it is a pair.
    """
    language = _meaning_of(code)
    if language is None or code in _by_alias():
        return language
    first, _, second = code.replace("_", "-").partition("-")
    sides = language_of_tag(first), language_of_tag(second)
    is_pair = second.islower() and ENGLISH in sides and None not in sides
    return None if is_pair else language


@cached_by_registry
def _meaning_of(code: str) -> Language | None:
    return _meaning(code)


def find_pair(text: str) -> tuple[Language, Language] | None:
    """The two languages of ``en-id`` or ``eng_Latn-zh-Hans``; None: not two known ones."""
    parts = text.split("-")
    for length in range(1, len(parts)):
        first, second = "-".join(parts[:length]), "-".join(parts[length:])
        pair = find_language(first), find_language(second)
        if pair[0] and pair[1] and pair[0] != pair[1]:
            return pair[0], pair[1]
    return None


def resolve(code: str) -> Language:
    """The language that ``code`` means, see ``find_language``.

    Raises:
        ConfigError: nothing is known by that name; the message lists the nearest names.
    """
    language = find_language(code)
    if language is not None:
        return language
    raise ConfigError(f"unknown language {code!r}{_cure(code)}. See docs/reference/languages.md")


def _cure(code: str) -> str:
    parsed = None if _NOT_A_CODE.search(code) else tags.parse(code)
    if parsed and tags.is_language(parsed.language):
        name, written = tags.name(parsed.language), sorted(tags.scripts_of(parsed.language))
        if not written:
            return f": which script {name} is in is not known; write it: {parsed.language}_Latn"
        if parsed.script and tags.is_script(parsed.script):
            return (
                f": {name} is not known to be written in {parsed.script} "
                f"({', '.join(written)} are); a table "
                f"[languages.{code}] in the recipe makes it known"
            )
    nearest = difflib.get_close_matches(code, _by_alias(), n=3, cutoff=0.5)
    hint = f"; nearest: {', '.join(nearest)}" if nearest else ""
    return f"{hint}; a table [languages.{code}] in the recipe makes one known"
