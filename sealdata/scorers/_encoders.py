"""Which LASER encoder is whose: the files behind a name, a folder or a language."""

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from sealdata.errors import ConfigError, DataError
from sealdata.fetch.models.catalogue import catalogue
from sealdata.fetch.models.store import find
from sealdata.files.hidden import visible
from sealdata.languages import resolve

SAMPLE = "sample"
BY_LANGUAGE = "laser"
SHARED = "laser2"  # the encoder of English, and the pieces of most of LASER3


class EncoderFiles(NamedTuple):
    """The files of one encoder; LASER2 has its vocabulary in its checkpoint."""

    checkpoint: Path
    spm: Path
    cvocab: Path | None


def name_for(encoder: str, lang: str, names: Mapping[str, str]) -> str:
    """The encoder that reads ``lang``: the one in ``names``, or that of all, or LASER's own choice.

    ``laser`` means the default of laser_encoders: LASER3 for a language that has
    one, else LASER2. ``laser3`` is short for ``laser3-`` and the language.

    Raises:
        ConfigError: LASER has no encoder for the language.
    """
    chosen = names.get(lang, encoder)
    if chosen == BY_LANGUAGE:
        laser_name = resolve(lang).laser
        if laser_name is None:
            raise ConfigError(
                f"LASER has no encoder for {lang}: name one for it in [score.laser.encoders], "
                f'{lang} = "laser2" say'
            )
        chosen = laser_name
    return f"laser3-{lang}" if chosen == "laser3" else chosen


def encoder_files(name: str) -> EncoderFiles:
    """The files of ``sample``, of a model of the catalogue, or of a folder.

    A folder holds one ``*.pt`` or ``*.safetensors``, one ``*.spm`` and, for LASER3, one
    ``*.cvocab``. If a checkpoint was converted, its safetensors are read.

    Raises:
        DataError: they are not on this machine.
    """
    if name in catalogue():
        model_files = find(name)
        safe = model_files["checkpoint"].with_suffix(".safetensors")
        checkpoint = safe if safe.is_file() else model_files["checkpoint"]
        return EncoderFiles(checkpoint, model_files["spm"], model_files.get("vocabulary"))
    with as_file(files("sealdata") / "sample" / "encoder") as bundled:
        folder = bundled if name == SAMPLE else Path(name)
    ends = ("safetensors", "pt", "spm", "cvocab")
    paths = {end: visible(sorted(folder.glob(f"*.{end}")), folder) for end in ends}
    checkpoints = paths["safetensors"] or paths["pt"]
    if len(checkpoints) != 1 or len(paths["spm"]) != 1 or len(paths["cvocab"]) > 1:
        raise DataError(
            f"{folder} must hold one *.pt (or *.safetensors) and one *.spm: the files of a LASER "
            "encoder (and one *.cvocab, for LASER3); or give a name that `sealdata models list` "
            "shows"
        )
    return EncoderFiles(checkpoints[0], paths["spm"][0], next(iter(paths["cvocab"]), None))
