"""Writes measured facts about languages into a recipe, whose comments stay."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealdata.errors import ConfigError
from sealdata.files.records import write_atomic


def write_language_facts(path: Path, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Set keys of ``[languages.CODE]`` in the recipe at ``path``; it is made if it is not there.

    Args:
        path: A TOML file.
        facts: FLORES code -> key -> value.

    Raises:
        ConfigError: the file is not TOML, or its languages are not tables.
    """
    # Imported here, because only this command changes a file that a person wrote.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        text = path.read_text("utf-8") if path.exists() else ""
        document = tomlkit.parse(text)
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    languages = document.setdefault("languages", tomlkit.table(is_super_table=True))
    for code, values in facts.items():
        if not isinstance(languages, dict) or not isinstance(languages.get(code, {}), dict):
            raise ConfigError(f"{path}: languages must be tables, [languages.{code}]")
        language = languages.setdefault(code, tomlkit.table())
        for key, value in values.items():
            language[key] = value
    written = tomlkit.dumps(document).rstrip("\n") + "\n"
    write_atomic(path, lambda temporary: temporary.write_text(written, encoding="utf-8"))
