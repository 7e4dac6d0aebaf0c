"""A component is one file in one folder: its file name is its name everywhere."""

import difflib
import importlib
import pkgutil
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sealdata.errors import ConfigError

# Folders of the package whose modules are components. Formats and stages are not chosen by name.
KINDS = ("readers", "cleaners", "scorers", "tokenizers")
# Kind -> former name -> name today. Recipes outlive names, so the error says what to write.
RENAMED = {"cleaners": {"mask": "mask_pii"}}
# The tables of a recipe in which components of a kind are named by the key.
_RECIPE_TABLES = {"cleaners": "clean", "scorers": "score"}


class Component(BaseModel):
    """Parameters of one reader, cleaner, scorer or tokenizer, validated from a recipe's table.

    A subclass is named ``COMPONENT`` in its module; its docstring is shown to users.
    """

    # Frozen, so that a fingerprint stays true. An unknown parameter is an error: a typing error
    # must not mean the default.
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: ClassVar[int] = 1  # raise it when the output changes for the same parameters
    modules: ClassVar[tuple[str, ...]] = ()  # of extras that it works with (sealdata.extras)

    @classmethod
    def component_name(cls) -> str:
        """The name in recipes: that of the file."""
        return cls.__module__.rpartition(".")[2]

    def fingerprint(self) -> dict[str, Any]:
        """Everything that can change the output: version, parameters, digests of model files."""
        # Components with models override this and add digests, because a path does not identify a
        # file.
        return {"version": self.version, **self.model_dump(mode="json")}


@cache
def available(kind: str) -> tuple[str, ...]:
    """Names of the components of one kind: the modules of ``sealdata.<kind>``, sorted."""
    # A wrong kind is an error in the code, a wrong name one in a recipe.
    assert kind in KINDS, kind
    # The folder is the registry. Modules with a leading underscore are shared helpers.
    package = importlib.import_module(f"sealdata.{kind}")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def component_class(kind: str, name: str) -> type[Component]:
    """The class behind ``name``; imports its module only now, so that heavy imports stay lazy.

    Raises:
        ConfigError: there is no such component. The message names the component that had this name
            formerly, or else the nearest name and all others.
    """
    names = available(kind)
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


def load(kind: str, name: str, params: dict[str, Any] | None = None) -> Any:
    """The component ``name`` of ``kind`` with ``params`` checked.

    Raises:
        ConfigError: unknown name or parameter; the message is one line and names the nearest.
    """
    cls = component_class(kind, name)
    try:
        return cls.model_validate(params or {})
    except ValidationError as error:
        raise ConfigError(f"{kind[:-1]} {name!r}: {explain(error, cls)}") from None


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
