"""Plugins: scorers, cleaners, readers and metrics in files and in installed distributions."""

import hashlib
import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from sealdata.cleaners import Cleaner
from sealdata.component import Component, Origin, Plugins, available
from sealdata.errors import ConfigError, DataError
from sealdata.plugins.metric import Metric
from sealdata.readers import Reader
from sealdata.scorers import Scorer

# Kind -> the class that its components derive from. Tokenizers and formats are data, not code.
BASES: dict[str, type[Component]] = {
    "readers": Reader,
    "cleaners": Cleaner,
    "scorers": Scorer,
    "metrics": Metric,
}
GROUPS = {kind: f"sealdata.{kind}" for kind in BASES}  # groups of entry points

Classes = Mapping[str, Mapping[str, type[Component]]]  # kind -> name -> class


@dataclass(frozen=True)
class FileOrigin(Origin):
    """A plugin file of a recipe. Its content identifies it, not its place."""

    path: Path  # absolute
    sha256: str

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of the file."""
        return self.path.name

    @property
    def version(self) -> str:  # type: ignore[override]
        """The first 12 digits of its SHA-256."""
        return self.sha256[:12]

    def identity(self) -> list[str]:
        """Its name and its digest."""
        return [self.name, self.sha256]

    def load(self) -> None:
        """See ``Origin``."""
        _module(self)


@dataclass(frozen=True)
class InstalledOrigin(Origin):
    """An entry point of an installed distribution."""

    name: str
    version: str
    kind: str
    entry: EntryPoint

    def identity(self) -> list[str]:
        """The distribution, its version, and the object that it names."""
        return [self.name, self.version, self.entry.value]

    def load(self) -> None:
        """See ``Origin``."""
        _installed_class(self)


@dataclass(frozen=True)
class FoundPlugins:
    """All plugins that a recipe can use, by kind and name, and the files among them."""

    classes: Plugins
    files: tuple[FileOrigin, ...]


def find_plugins(paths: Sequence[Path] = ()) -> FoundPlugins:
    """The plugins in files, which are run, and those of installed distributions, which are not
    imported before they are used.

    Raises:
        ConfigError: a file is absent, does not run or has no component; or a name is that of a
            built-in component or of another plugin.
    """
    classes_of: dict[str, dict[str, Callable[[], type[Component]]]] = {kind: {} for kind in BASES}
    owners: dict[tuple[str, str], str] = {}
    files = []
    for kind in BASES:
        for installed in _installed(kind):
            name = installed.entry.name
            _take(owners, kind, name, f"{installed.name} {installed.version}")
            classes_of[kind][name] = partial(_installed_class, installed)
    for path in paths:
        origin, classes = load_file(path)
        files.append(origin)
        for kind, named in classes.items():
            for name, cls in named.items():
                _take(owners, kind, name, str(path))
                classes_of[kind][name] = partial(_same, cls)
    return FoundPlugins(classes_of, tuple(files))


def load_file(path: Path) -> tuple[FileOrigin, Classes]:
    """Run a plugin file: its origin, and its components by kind and name.

    Each class in the file that derives from ``Scorer``, ``Cleaner``, ``Reader`` or ``Metric`` is a
    component, unless its name begins with an underscore. Its name in recipes is that of the class
    in small letters: ``MyLength`` is ``my_length``.

    Raises:
        ConfigError: the file is absent, does not run, or has no component.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"plugin {path} cannot be read: {error.strerror or error}") from None
    origin = FileOrigin(path.absolute(), hashlib.sha256(data).hexdigest())
    module = _module(origin)
    classes: dict[str, dict[str, type[Component]]] = {kind: {} for kind in BASES}
    for cls in vars(module).values():
        # Classes that the file imports belong to other modules.
        if not isinstance(cls, type) or cls.__module__ != module.__name__ or cls.__name__[0] == "_":
            continue
        for kind, base in BASES.items():
            if issubclass(cls, base):
                cls.origin, cls.plugin_name = origin, snake_case(cls.__name__)
                classes[kind][cls.plugin_name] = cls
    if not any(classes.values()):
        raise ConfigError(
            f"plugin {path} has no component: a class that derives from sealdata.scorers.Scorer, "
            "sealdata.cleaners.Cleaner, sealdata.readers.Reader or sealdata.plugins.metric.Metric"
        )
    return origin, classes


def snake_case(name: str) -> str:
    """``MyLength`` and ``HTMLTags`` as ``my_length`` and ``html_tags``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _module(origin: FileOrigin) -> types.ModuleType:
    """The module of a plugin file, run once per process for each content that the file has."""
    stem = re.sub(r"\W", "_", origin.path.stem)
    name = f"sealdata_plugin_{stem}_{origin.version}"
    if name in sys.modules:
        return sys.modules[name]
    try:
        data = origin.path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"plugin {origin.path} cannot be read: {reason}") from None
    # Workers load it later than the command did. Another content would give other results.
    if hashlib.sha256(data).hexdigest() != origin.sha256:
        raise DataError(f"plugin {origin.path} changed while it was in use; run the command again")
    module = types.ModuleType(name)
    module.__file__ = str(origin.path)
    sys.modules[name] = module  # before it runs, because pydantic looks up annotations there
    try:
        exec(compile(data, str(origin.path), "exec"), module.__dict__)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"plugin {origin.path}{_line(error, origin)}: {_what(error)}") from None
    return module


def _line(error: Exception, origin: FileOrigin) -> str:
    """``, line N``: the last line of the file that the error passed, if there is one."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(origin.path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f", line {lines[-1]}" if lines else ""


def _what(error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


@cache
def _installed(kind: str) -> tuple[InstalledOrigin, ...]:
    """The entry points of a kind, by name and distribution."""
    origins = []
    for entry in entry_points(group=GROUPS[kind]):
        dist = entry.dist
        name, version = (dist.name, dist.version) if dist else (entry.value, "")
        origins.append(InstalledOrigin(name, version, kind, entry))
    return tuple(sorted(origins, key=lambda origin: (origin.entry.name, origin.name)))


def _installed_class(origin: InstalledOrigin) -> type[Component]:
    where = f"{GROUPS[origin.kind]} {origin.entry.name!r} of {origin.name} {origin.version}"
    try:
        cls = origin.entry.load()
    except Exception as error:
        raise ConfigError(f"{where} cannot be loaded: {_what(error)}") from None
    base = BASES[origin.kind]
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise ConfigError(f"{where}: {origin.entry.value} does not derive from {base.__name__}")
    cls.origin, cls.plugin_name = origin, origin.entry.name
    return cls


def _take(owners: dict[tuple[str, str], str], kind: str, name: str, owner: str) -> None:
    """Note who has a name; refuse one that is taken."""
    singular = kind.removesuffix("s")
    if name in available(kind):
        raise ConfigError(f"{owner} has a {singular} {name!r}, which is built in; rename it")
    if other := owners.get((kind, name)):
        raise ConfigError(f"{owner} and {other} both have a {singular} {name!r}; rename one")
    owners[kind, name] = owner


def _same(cls: type[Component]) -> type[Component]:
    return cls
