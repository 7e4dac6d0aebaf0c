"""The licences that the Hugging Face Hub knows, by the identifiers that a card must use."""

import difflib
import re

from sealdata.errors import ConfigError

OWN_TERMS = "other"  # the identifier of the Hub for terms without an identifier

# Source: https://huggingface.co/docs/hub/repositories-licenses, and the newer identifiers of the
# Hub's own form for new repositories. It refuses a card with any other one.
HUB_LICENCES: tuple[str, ...] = (
    *("apache-2.0", "mit", "openrail", "bigscience-openrail-m", "creativeml-openrail-m"),
    *("bigscience-bloom-rail-1.0", "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0"),
    *("bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0"),
    *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
    *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0"),
    *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"),
    *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
    *("cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "wtfpl", "ecl-2.0"),
    *("epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2", "agpl-3.0", "gfdl"),
    *("gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "isc", "h-research"),
    *("intel-research", "lppl-1.3c", "ms-pl", "apple-ascl", "apple-amlr", "mpl-2.0", "odc-by"),
    *("odbl", "open-mdw", "openmdw-1.0", "openrail++", "osl-3.0", "postgresql", "ofl-1.1"),
    *("ncsa", "unlicense", "zlib", "pddl", "lgpl-lr", "deepfloyd-if-license"),
    *("fair-noncommercial-research-license", "llama2", "llama3", "llama3.1", "llama3.2"),
    *("llama3.3", "llama4", "grok2-community", "gemma", "unknown", OWN_TERMS),
)
# Names in words, by what they begin with; longer ones first.
_IN_WORDS = (
    ("creative commons attribution", "cc-by"),
    ("creative commons zero", "cc0"),
    ("creative commons", "cc"),
    ("gnu affero general public", "agpl"),
    ("gnu lesser general public", "lgpl"),
    ("gnu general public", "gpl"),
    ("open data commons attribution", "odc-by"),
    ("open database", "odbl"),
    ("public domain dedication", "pddl"),
    ("community data licence agreement", "cdla"),
    ("non commercial", "nc"),
    ("noncommercial", "nc"),
    ("share alike", "sa"),
    ("sharealike", "sa"),
    ("no derivatives", "nd"),
    ("noderivatives", "nd"),
)


def nearest_licence(name: str) -> str | None:
    """The identifier that a person may mean by ``name``: "CC BY-SA 4.0" is ``cc-by-sa-4.0``."""
    text = re.sub(r"[\s_/,()-]+", " ", name.lower()).strip()
    for words, short in _IN_WORDS:
        text = text.replace(words, f"{short} ")
    text = re.sub(r"\b(?:the|licen[sc]e|version|international|unported|v(?=\d))\s*", "", text)
    short = "-".join(text.split())
    versions = re.compile(re.escape(short) + r"-?[\d.]+")
    starts = [licence for licence in HUB_LICENCES if versions.fullmatch(licence)]
    close = difflib.get_close_matches(short, HUB_LICENCES, n=1, cutoff=0.6)
    if name in HUB_LICENCES or short in HUB_LICENCES:
        return name if name in HUB_LICENCES else short
    return starts[-1] if starts else close[0] if close else None  # the latest version


def check_licence(name: str, where: str) -> None:
    """Refuse a licence that the Hub would refuse.

    Raises:
        ConfigError: it is no identifier of the Hub; the message names ``where`` and the nearest.
    """
    if name in HUB_LICENCES:
        return
    nearest = nearest_licence(name)
    hint = f"write {nearest}, or " if nearest else "write "
    raise ConfigError(
        f"{where}: the Hugging Face Hub has no licence {name!r}; {hint}'{OWN_TERMS}' and "
        "describe the terms on the card"
    )
