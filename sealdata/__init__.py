"""Parallel corpora in, audited pairs and packed token shards out.

For notebooks and scripts: ``score`` and ``evaluate`` the pairs of a data frame, ``read_recipe`` and
change a ``Recipe``, ``build`` it, and open a finished ``Build`` as frames.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sealdata.errors import SealError
    from sealdata.notebook.builds import Build, build
    from sealdata.notebook.recipes import read_recipe
    from sealdata.notebook.scoring import evaluate, score
    from sealdata.recipe.tables import Recipe

__version__ = "0.1.0"
__all__ = ["Build", "Recipe", "SealError", "build", "evaluate", "read_recipe", "score"]

_MODULES = {
    "Build": "sealdata.notebook.builds",
    "Recipe": "sealdata.recipe.tables",
    "SealError": "sealdata.errors",
    "build": "sealdata.notebook.builds",
    "evaluate": "sealdata.notebook.scoring",
    "read_recipe": "sealdata.notebook.recipes",
    "score": "sealdata.notebook.scoring",
}


def __getattr__(name: str) -> Any:
    """Imports a public name at its first use, so that ``import sealdata`` stays fast."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
