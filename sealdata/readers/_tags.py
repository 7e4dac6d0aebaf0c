"""What the language tag of a file means."""

from functools import lru_cache

from sealdata.errors import ConfigError
from sealdata.languages import languages, resolve


@lru_cache(maxsize=1024)
def language_of(tag: str) -> str | None:
    """The FLORES-200 code of any known code, or of a BCP 47 tag in any case; None if unknown.

    A region does not change the language: ``en-US`` is English. In Chinese it decides the script.
    A script other than the one that the language has here (``ms-Arab``) makes another language.
    """
    parts = [
        part.lower() if index == 0 else part.title() if len(part) == 4 else part.upper()
        for index, part in enumerate(tag.replace("_", "-").split("-"))
    ]
    chinese = parts[0] in ("zh", "zho") and not {"Hans", "Hant"} & set(parts)
    lengths = [len(parts)] if chinese else range(len(parts), 0, -1)
    candidates = ["-".join(parts[:length]) for length in lengths]
    for candidate in [tag, *candidates]:
        code = _known(candidate)
        if code is not None:
            script = languages()[code].script
            written = [part for part in parts[1:] if len(part) == 4 and part.isalpha()]
            return code if all(part == script for part in written) else None
    return None


def _known(tag: str) -> str | None:
    for code, language in languages().items():
        if tag == language.bcp47:
            return code
    for spelling in (tag, tag.replace("-", "_")):
        try:
            return resolve(spelling).code
        except ConfigError:
            continue
    return None
