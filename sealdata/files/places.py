"""Where a path in a recipe or on the command line leads: bundled files, variables, folders."""

import os
import re
from importlib.resources import as_file, files
from pathlib import Path

from sealdata.errors import ConfigError


def sample_dir() -> Path:
    """The folder of the bundled sample corpus, tokenizers and encoder."""
    # The package is installed as files, so the path stays valid after the context ends.
    with as_file(files("sealdata") / "sample") as path:
        return path


def locate(text: str, base: Path) -> Path:
    """The file that ``text`` means: ``sample:x`` is bundled, ``$VAR`` and ``~`` expand, and a
    relative path starts at ``base``, which is the folder of the recipe.

    Raises:
        ConfigError: an environment variable is not set.
    """
    if text.startswith("sample:"):
        return sample_dir() / text.removeprefix("sample:")
    # Variables first: one may hold a path that begins with ``~``.
    expanded = os.path.expanduser(os.path.expandvars(text))
    # ``expandvars`` leaves an unset variable as it is. A folder named ``$DATA`` would then be
    # sought next to the recipe.
    if unset := re.search(r"\$(\w+|\{\w+\})", expanded):
        raise ConfigError(f"path {text!r}: the environment variable {unset[0]} is not set")
    # An absolute path replaces ``base`` in this operation.
    return base / expanded
