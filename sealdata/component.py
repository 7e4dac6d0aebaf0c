"""A component is one file in one folder: its file name is its name everywhere."""

import difflib
import importlib
import pickle
import pkgutil
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from sealdata.errors import ConfigError

# Folders of the package whose modules are components. Formats and stages are not chosen by name.
KINDS = ("readers", "cleaners", "scorers", "tokenizers")
# Kinds of which none is built in: a plugin brings them.
PLUGIN_KINDS = ("metrics",)
# Kind -> former name -> name today. Recipes outlive names, so the error says what to write.
RENAMED = {"cleaners": {"mask": "mask_pii"}}
# The tables of a recipe in which components of a kind are named by the key.
_RECIPE_TABLES = {"cleaners": "clean", "scorers": "score", "metrics": "metric"}
# Options that are text even where they have a slash. Other text with a slash is a path, which
# starts at the folder of the recipe.
TEXT_OPTIONS = frozenset({"pattern", "replacement", "command", "env"})
# A name that a recipe chooses itself becomes part of names of score columns and folders.
_OWN_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Origin:
    """Where a component from outside the package comes from: a file or a distribution."""

    name: str  # for people: name of the file, or of the distribution
    version: str  # of the distribution; for a file the first 12 digits of its SHA-256

    def identity(self) -> list[str]:
        """What the output depends on, as a part of every key."""
        raise NotImplementedError

    def load(self) -> None:
        """Make the classes of the origin importable in this process.

        Raises:
            DataError: the file is gone, or not as it was.
        """
        raise NotImplementedError


class Component(BaseModel):
    """Parameters of one reader, cleaner, scorer or tokenizer, validated from a recipe's table.

    A subclass is named ``COMPONENT`` in its module; its docstring is shown to users.
    """

    # Frozen, so that a fingerprint stays true. An unknown parameter is an error: a typing error
    # must not mean the default.
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: ClassVar[int] = 1  # raise it when the output changes for the same parameters
    modules: ClassVar[tuple[str, ...]] = ()  # of extras that it works with (sealdata.extras)
    origin: ClassVar[Origin | None] = None  # None: built in
    plugin_name: ClassVar[str] = ""  # name in recipes of a component from outside

    @classmethod
    def component_name(cls) -> str:
        """The name in recipes: that of the file, or the one that a plugin has."""
        return cls.plugin_name or cls.__module__.rpartition(".")[2]

    def fingerprint(self) -> dict[str, Any]:
        """Everything that can change the output: version, parameters, digests of model files."""
        # Components with models override this and add digests, because a path does not identify a
        # file.
        return {"version": self.version, **self.model_dump(mode="json")}

    def identity(self) -> dict[str, Any]:
        """``fingerprint``, and for a plugin what identifies its code. Keys of stages use this."""
        prints = self.fingerprint()
        return prints if self.origin is None else prints | {"plugin": self.origin.identity()}

    def needed_modules(self) -> tuple[str, ...]:
        """Modules of extras that it works with. Default: those of its class."""
        return self.modules

    def in_folder(self, folder: Path) -> Self:
        """The component of a recipe in ``folder``, where its relative paths start.

        Raises:
            ConfigError: a program or file of the component is not there.
        """
        return self

    def outside_files(self) -> list[Path]:
        """Programs, and files that they read, on which the output depends. Default: none."""
        return []

    def __reduce_ex__(self, protocol: Any) -> Any:
        """As for any object; a plugin is loaded by the process that unpickles it."""
        reduced = super().__reduce_ex__(protocol)
        if self.origin is None:
            return reduced
        # The inner pickle names classes of the plugin's module, which must be there before.
        return _restore, (self.origin, pickle.dumps(reduced, protocol))


def _restore(origin: Origin, pickled: bytes) -> Any:
    """Unpickle a component of a plugin, in any process and on any machine."""
    origin.load()
    make, args, state, *_ = pickle.loads(pickled)
    made = make(*args)
    made.__setstate__(state)
    return made


# Kind -> name -> what returns the class, for components from outside the package. A function,
# because installed ones are imported only when they are used.
Plugins = Mapping[str, Mapping[str, Callable[[], type[Component]]]]
NO_PLUGINS: Plugins = {}


@cache
def available(kind: str) -> tuple[str, ...]:
    """Names of the components of one kind: the modules of ``sealdata.<kind>``, sorted."""
    # A wrong kind is an error in the code, a wrong name one in a recipe.
    if kind in PLUGIN_KINDS:
        return ()
    assert kind in KINDS, kind
    # The folder is the registry. Modules with a leading underscore are shared helpers.
    package = importlib.import_module(f"sealdata.{kind}")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def component_class(kind: str, name: str, plugins: Plugins = NO_PLUGINS) -> type[Component]:
    """The class behind ``name``; imports its module only now, so that heavy imports stay lazy.

    Raises:
        ConfigError: there is no such component. The message names the component that had this name
            formerly, or else the nearest name and all others.
    """
    outside = plugins.get(kind, {})
    if name in outside:
        return outside[name]()
    names = (*available(kind), *sorted(outside))
    # Before the search for similar names: a former name need not resemble the new one.
    if new_name := RENAMED.get(kind, {}).get(name):
        table = _RECIPE_TABLES[kind]
        raise ConfigError(
            f"{kind[:-1]} {name!r} is now {new_name!r}: write [{table}.{new_name}] in place of "
            f"[{table}.{name}]"
        )
    if name not in names:
        nearest = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ConfigError(f"no {kind[:-1]} named {name!r}.{hint} Known: {', '.join(names)}")
    component = importlib.import_module(f"sealdata.{kind}.{name}").COMPONENT
    assert issubclass(component, Component), f"sealdata.{kind}.{name}.COMPONENT"
    return component  # type: ignore[no-any-return]


def load(
    kind: str, name: str, params: Mapping[str, Any] | None = None, plugins: Plugins = NO_PLUGINS
) -> Any:
    """The component ``name`` of ``kind`` with ``params`` checked.

    Raises:
        ConfigError: unknown name or parameter; the message is one line and names the nearest.
    """
    cls = component_class(kind, name, plugins)
    try:
        return cls.model_validate(params or {})
    except ValidationError as error:
        raise ConfigError(f"{kind[:-1]} {name!r}: {explain(error, cls)}") from None


def load_table(
    kind: str,
    name: str,
    table: Mapping[str, Any],
    plugins: Plugins = NO_PLUGINS,
    folder: Path = Path(),
) -> Any:
    """The component of a table ``[score.NAME]``, ``[clean.NAME]`` or ``[metric.NAME]``.

    That is the one called NAME, or the one that the table names by ``scorer`` (or so): a
    recipe may so have two of a kind, each under a name of its own.

    Its relative paths start at ``folder``, that of the recipe.

    Raises:
        ConfigError: as ``load``; or a program or file is not there. A name of its own must be
            free, and may have small letters, digits and ``_``.
    """
    made = _load_named(kind, name, table, plugins)
    try:
        return made.in_folder(folder)
    except ConfigError as error:
        raise ConfigError(f"[{_RECIPE_TABLES[kind]}.{name}]: {error}") from None


def _load_named(kind: str, name: str, table: Mapping[str, Any], plugins: Plugins) -> Any:
    key = kind.removesuffix("s")
    where = f"[{_RECIPE_TABLES[kind]}.{name}]"
    component = table.get(key)
    names = (*available(kind), *plugins.get(kind, {}))
    if component is None:
        if name in names or name in RENAMED.get(kind, {}):
            return load(kind, name, table, plugins)
        try:
            return load(kind, name, table, plugins)
        except ConfigError as error:
            raise ConfigError(
                f'{error}; under a name of your own, say {key} = "…"; for a component of your own, '
                "name its file in [plugins] paths"
            ) from None
    if name in names and name != component:
        raise ConfigError(f"{where}: {key} {name!r} exists; choose another name for {component!r}")
    if not _OWN_NAME.fullmatch(name):
        raise ConfigError(
            f"{where}: {name!r} must be small letters, digits and _, and begin with a letter"
        )
    params = {option: value for option, value in table.items() if option != key}
    try:
        return load(kind, component, params, plugins)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def explain(error: ValidationError, cls: type[BaseModel]) -> str:
    """One line for a pydantic error: where, what, and the nearest known key for a typo.

    Unknown keys come first: a mistyped key is often also a missing one.
    """
    first = min(error.errors(), key=lambda details: details["type"] != "extra_forbidden")
    # ``loc`` is the path to the value: keys of tables, and numbers of entries in lists.
    *tables, key = first["loc"] or ("",)
    entry = ""
    # An entry of a list is counted from 1, as a reader of the recipe does.
    if len(tables) > 1 and isinstance(tables[1], int):
        entry, tables = f"[[{tables[0]}]] number {tables[1] + 1}: ", tables[2:]
    elif isinstance(key, int) and tables:
        # A validator of the whole entry.
        entry, tables, key = f"[[{tables[0]}]] number {key + 1}: ", [], ""
    name = repr(".".join(map(str, [*tables, key])))
    if first["type"] == "missing":
        return f"{entry}{name} is required"
    if not first["loc"]:  # of the table as a whole
        return str(first["msg"]).removeprefix("Value error, ")
    if first["type"] != "extra_forbidden":
        # A validator of a whole table has no key.
        where = f"{entry}{name}: " if key != "" else entry
        # pydantic puts this prefix before messages of our own validators.
        return f"{where}{first['msg'].removeprefix('Value error, ')}"
    fields = _fields_at(cls, first["loc"][:-1])
    nearest = difflib.get_close_matches(str(key), fields, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"known keys: {', '.join(fields)}"
    return f"{entry}unknown key {name}; {hint}"


def _fields_at(cls: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Keys allowed at a nested location of a model, following model-typed fields."""
    for part in location:
        # A number or the key of a free table is not a field. The class then stays the same.
        field = cls.model_fields.get(str(part))
        # A union may hold several models. The first is enough for a hint.
        for inner in _models_in(field.annotation) if field else ():
            cls = inner
            break
    return sorted(info.alias or name for name, info in cls.model_fields.items())


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    # ``list[Model]``, ``dict[str, Model]`` and ``Model | None`` keep the model in their arguments.
    return [model for arg in getattr(annotation, "__args__", ()) for model in _models_in(arg)]
