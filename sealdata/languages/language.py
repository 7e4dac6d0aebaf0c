"""What is known of one language."""

from dataclasses import dataclass

# Scripts that are written from right to left (ISO 15924).
_RIGHT_TO_LEFT = frozenset(("Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"))
# ISO 15924 codes of several scripts, or of a variant of one, and the Unicode scripts behind them.
_UNICODE_SCRIPTS = {
    "Hans": ("Hani",),
    "Hant": ("Hani",),
    "Hanb": ("Hani", "Bopo"),
    "Hrkt": ("Hira", "Kana"),
    "Jpan": ("Hani", "Hira", "Kana"),
    # Korean mixes in Chinese characters, whichever of the two codes names its script.
    "Kore": ("Hang", "Hani"),
    "Hang": ("Hang", "Hani"),
    "Aran": ("Arab",),
    "Cyrs": ("Cyrl",),
    "Latf": ("Latn",),
    "Latg": ("Latn",),
}


@dataclass(frozen=True)
class Language:
    """Facts about one language in one script; ``code`` is FLORES-200 (``tha_Thai``)."""

    code: str
    name: str  # in English, as prompts have it
    autonym: str  # in the language itself
    bcp47: str
    script: str  # ISO 15924
    # characters of English for one character of this language; None: not measured
    length_factor: float | None = None
    lid176: str | None = None  # label of fastText's lid.176; None: it follows from the code
    laser: str | None = None  # "laser2", "laser3"; None: no encoder
    aliases: tuple[str, ...] = ()  # further codes that mean this language
    spaces: bool = True  # between words
    # languages that language identification takes it for, but not the reverse
    taken_for: tuple[str, ...] = ()

    @property
    def direction(self) -> str:
        """``rtl`` or ``ltr``, as HTML has it."""
        return "rtl" if self.script in _RIGHT_TO_LEFT else "ltr"


def script_of(code: str) -> str:
    """The script (ISO 15924) in a FLORES code of two or three parts; empty if it has none."""
    parts = code.split("_")
    return parts[1] if len(parts) > 1 else ""


def unicode_scripts(iso_15924: str) -> tuple[str, ...]:
    """The Unicode scripts behind an ISO 15924 code: Japanese is written in three, both kinds of
    Chinese in one. The first is the one that most letters of a text may be in."""
    return _UNICODE_SCRIPTS.get(iso_15924, (iso_15924,))


def unicode_script(iso_15924: str) -> str:
    """The first of ``unicode_scripts``: simplified and traditional Chinese are Han."""
    return unicode_scripts(iso_15924)[0]
