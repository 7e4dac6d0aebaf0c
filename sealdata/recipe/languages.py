"""``[languages.CODE]`` of a recipe: a language that is not known, or facts that differ."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sealdata.component import explain
from sealdata.languages import declare, find_language, script_of, unicode_scripts
from sealdata.text.characters import scripts

_CODE = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}(_[a-z]{4}\d{4})?")


class LanguageTable(BaseModel):
    """One language; its key is three letters, ``_`` and an ISO 15924 script: ``xyz_Latn``.

    What is absent stays as it is known, or comes from CLDR.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(None, min_length=1)  # in English, as prompts have it
    autonym: str | None = Field(None, min_length=1)  # in the language itself
    bcp47: str | None = Field(None, min_length=2)  # for HTML and dataset cards
    # characters of English over characters of this language in the same text; `sealdata lengths`
    # measures it
    length_factor: float | None = Field(None, gt=0.05, lt=20)
    lid176: str | None = None  # its label in a language-ID model, where its codes do not tell
    laser: str | None = Field(None, pattern="^laser[23]$")  # encoder of LASER that knows it
    aliases: list[str] = []  # further codes that mean it
    spaces: bool | None = None  # whether spaces stand between words; absent: yes
    taken_for: list[str] = []  # languages that language identification takes it for


def declare_languages(tables: Any) -> None:
    """Make the languages of a recipe known; see ``sealdata.languages.declare``.

    Raises:
        ValueError: a wrong key or value; the message names it.
    """
    # Codes in this recipe mean what they meant before another recipe was read.
    declare({})
    if not isinstance(tables, dict):
        raise ValueError("languages must be tables, [languages.xyz_Latn]")
    made: dict[str, dict[str, Any]] = {}
    for key, value in tables.items():
        where = f"languages.{key}"
        code = _code(key, where)
        try:
            table = LanguageTable.model_validate(value)
        except ValidationError as error:
            raise ValueError(f"{where}: {explain(error, LanguageTable)}") from None
        if code in made:
            raise ValueError(f"{where}: {code} is declared twice")
        if find_language(code) is None and not table.name:
            raise ValueError(f"{where}: no one knows this language; give it a name")
        made[code] = table.model_dump(exclude_none=True, exclude_defaults=True)
    for code, facts in made.items():
        if others := facts.get("taken_for"):
            facts["taken_for"] = [_other(name, made, f"languages.{code}") for name in others]
        _check_aliases(code, facts.get("aliases", []), made)
    declare(made)


def _code(key: str, where: str) -> str:
    language = find_language(key)
    code = language.code if language else key
    if not _CODE.fullmatch(code):
        raise ValueError(
            f"{where}: a key is a code of three letters and a script (ISO 15924), such as xyz_Latn"
        )
    script = script_of(code)
    if not set(unicode_scripts(script)) & set(scripts()):
        raise ValueError(
            f"{where}: letters of the script {script!r} are not counted; known scripts: "
            f"{', '.join(scripts())}, and Hans, Hant, Jpan, Kore"
        )
    return code


def _other(name: str, made: dict[str, dict[str, Any]], where: str) -> str:
    if name in made:
        return name
    language = find_language(name)
    if language is None:
        raise ValueError(f"{where}: taken_for has an unknown language {name!r}")
    return language.code


def _check_aliases(code: str, aliases: list[str], made: dict[str, dict[str, Any]]) -> None:
    for alias in aliases:
        other = find_language(alias)
        claimed = [c for c, table in made.items() if alias in (c, *table.get("aliases", ()))]
        if (other and other.code != code) or claimed != [code]:
            raise ValueError(
                f"languages.{code}: the alias {alias!r} already means "
                f"{other.code if other else next(c for c in claimed if c != code)}"
            )
