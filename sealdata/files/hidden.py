"""Hidden and temporary files: what systems and programs leave next to data."""

import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import TypeVar

P = TypeVar("P", bound=PurePath)

# Not .bak: it is a code too, of Bashkir, and files are named by languages.
_ENDINGS = (
    *("~", ".tmp", ".temp", ".part", ".partial", ".crdownload", ".download"),
    *(".incomplete", ".aria2", ".lock"),
)
_STARTS = (".", "~$")
_NAMES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "lost+found"}
_NAMES |= {"$recycle.bin", "system volume information", "__pycache__"}


def is_hidden(name: str) -> bool:
    """Whether a path inside a folder or an archive is hidden or temporary, or in such a folder."""
    return any(_is_hidden(part) for part in PurePath(name.replace("\\", "/")).parts)


def _is_hidden(part: str) -> bool:
    lower = part.lower()
    if part == "..":  # it leads out of a folder: whoever unpacks it must see it
        return False
    return lower.startswith(_STARTS) or lower.endswith(_ENDINGS) or lower in _NAMES


def visible(paths: Iterable[P], folder: PurePath) -> list[P]:
    """The paths below ``folder`` that are neither hidden nor temporary, in their order."""
    return [path for path in paths if not is_hidden(str(path.relative_to(folder)))]


def hidden_in(path: Path) -> list[str]:
    """Hidden and temporary files in a folder, its subfolders or a zip archive, in order of name.

    Empty for other files, and for archives that cannot be read: their reader will say so.
    """
    if path.is_dir():
        files: Iterable[str] = (
            str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()
        )
    elif path.is_file() and zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                files = [name for name in archive.namelist() if not name.endswith("/")]
        except (zipfile.BadZipFile, NotImplementedError, OSError):
            return []
    else:
        return []
    return sorted(filter(is_hidden, files))
