"""Which limits of a rule hold where: sets of languages, and patterns of names of sources."""

import difflib
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from sealdata.languages import resolve

_WILDCARD = re.compile(r"\*|\?|\[[^]]*\]")


def language_set(key: str) -> tuple[str, ...] | None:
    """The FLORES-200 codes in a key such as ``"tha_Thai, lao"``, sorted; None without a comma.

    Raises:
        ConfigError: an unknown language.
    """
    if "," not in key:
        return None
    return tuple(sorted({resolve(name.strip()).code for name in key.split(",")}))


def best_patterns(source: str, patterns: Iterable[str]) -> list[str]:
    """The most specific of ``patterns`` that match the name of a source; several if they are
    equally specific, none if no pattern matches.

    A name without wildcards is the most specific. Else the pattern with more characters outside
    wildcards is more specific. ``*``, ``?`` and ``[...]`` mean what they mean in a shell, and
    capitals matter.
    """
    matches = sorted(pattern for pattern in patterns if fnmatchcase(source, pattern))
    ranks = [_rank(pattern) for pattern in matches]
    return [pattern for pattern, rank in zip(matches, ranks, strict=True) if rank == max(ranks)]


def _rank(pattern: str) -> tuple[bool, int]:
    literal = _WILDCARD.sub("", pattern)
    return literal == pattern, len(literal)


def check_patterns(where: str, patterns: Sequence[str], sources: Sequence[str]) -> None:
    """Refuse patterns that name no source, and those that leave a source with two limits.

    Raises:
        ValueError: see above; pydantic reports it with its place.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in sources):
            # Wildcards resemble nothing, so only the rest of the pattern is compared.
            literal = _WILDCARD.sub("", pattern)
            nearest = difflib.get_close_matches(literal, sources, n=1, cutoff=0.4)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(sources)}"
            raise ValueError(f"{where}: no source is called {pattern!r}; {hint}")
    for name in sources:
        best = best_patterns(name, patterns)
        if len(best) > 1:
            raise ValueError(
                f"{where}: {best[0]!r} and {best[1]!r} are equally specific for the source "
                f"{name!r}; add an entry {name!r}"
            )
