"""Findings: what the sanity check may say, by name."""

import difflib
from collections.abc import Collection, Iterable

from sealdata.build_manifest import Finding
from sealdata.errors import ConfigError

# Name -> what it means. ``--allow NAME`` makes a warning of an error; a name in
# ``NEVER_ALLOWED`` cannot be meant: no build could follow, or it is about the check.
FINDINGS = {
    "missing": "an input, a model, a tokenizer or an evaluation set is not on this machine",
    "unusable": "a file cannot be read, or files that belong together do not fit",
    "empty": "a source or stream has no record",
    "unreadable": "the reader rejects the records of a source or stream",
    "swapped-languages": "the two sides of a source are in each other's language",
    "wrong-language": "the text of a source or stream is not in its declared language",
    "not-text": "the text of a source or stream is JSON, HTML, numbers or identifiers",
    "repeated": "most pairs, sides or documents are the same",
    "misaligned": "the two sides of a source do not seem to be translations of each other",
    "evaluation-set": "an evaluation set has no text, or none in a language of the recipe",
    "no-effect": "a rule can drop no pair, as its limits are the ends of the score's range",
    "unjudged-language": "the model of language ID has no label for a declared language",
    "estimated-length": "no length factor of a declared language is known, so limits are wider",
    "no-score": "no pair of a source has the score that a rule is about",
    "nothing-kept": "the rules drop all pairs of a sample, or nearly all",
    "no-documents": "pairs are to be kept together by page, but a source names no pages",
    "head-only": "a sample could only be taken from the beginning of a file",
    "other-recipe": "the result folder holds the build of another recipe",
}
NEVER_ALLOWED = ("missing", "unusable", "empty", "head-only")


def check_allowed(names: Collection[str]) -> None:
    """Refuse a name that no finding has, or that cannot be allowed.

    Raises:
        ConfigError: see above; the message has the nearest name, or all.
    """
    allowed = [name for name in FINDINGS if name not in NEVER_ALLOWED]
    for name in names:
        if name not in allowed:
            nearest = difflib.get_close_matches(name, allowed, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(allowed)}"
            raise ConfigError(f"--allow {name}: no finding of that name can be allowed; {hint}")


def error(name: str, where: str, message: str) -> Finding:
    """A finding after which the result would be worthless."""
    assert name in FINDINGS, name
    return Finding(name=name, level="error", where=where, message=message)


def warning(name: str, where: str, message: str) -> Finding:
    """A finding that may be meant."""
    assert name in FINDINGS, name
    return Finding(name=name, level="warning", where=where, message=message)


def note(name: str, where: str, message: str) -> Finding:
    """What a reader of the report should know about the check itself, not about the dataset."""
    assert name in FINDINGS, name
    return Finding(name=name, level="note", where=where, message=message)


def with_allowed(findings: Iterable[Finding], allow: Collection[str]) -> list[Finding]:
    """The findings; those of allowed names are warnings that say so."""
    return [
        finding.model_copy(update={"level": "warning", "allowed": True})
        if finding.name in allow
        else finding
        for finding in findings
    ]
