"""What code says of options: their types, defaults, ranges, and the comments next to them.

Comments of fields and columns stand at the end of their line or right above it. pydantic does not
see them, so they are read from the source: one line a field stays one line a field.
"""

import ast
import inspect
import io
import re
import tokenize
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


def comments(owner: type | types.ModuleType, name: str | None = None) -> dict[str, str]:
    """Comments of the fields of a class, or of the keys of a dict `name` in a module.

    A comment stands at the end of the field's line, or on lines of its own right above it.
    """
    module = inspect.getmodule(owner) if isinstance(owner, type) else owner
    assert module is not None
    source = inspect.getsource(module)
    lines = source.splitlines()
    trailing: dict[int, str] = {}
    standing: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            by_itself = not lines[row - 1][:column].strip()
            (standing if by_itself else trailing)[row] = token.string.lstrip("# ").strip()
    nodes: dict[str, Any]
    if isinstance(owner, type):
        nodes = {
            node.target.id: node
            for node in _class_body(ast.parse(source), owner.__name__)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
    else:
        nodes = dict(_dict_keys(ast.parse(source), str(name)))
    return {key: _comment_at(node, trailing, standing) for key, node in nodes.items()}


def _comment_at(node: Any, trailing: dict[int, str], standing: dict[int, str]) -> str:
    end = node.end_lineno
    if end in trailing:
        return trailing[end]
    above: list[str] = []
    row = node.lineno - 1
    while row in standing:
        above.insert(0, standing[row])
        row -= 1
    return " ".join(above)


def _class_body(tree: ast.Module, name: str) -> list[ast.stmt]:
    return next(
        node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name
    )


def _dict_keys(tree: ast.Module, name: str) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
            if named and isinstance(node.value, ast.Dict):
                for key, value in zip(node.value.keys, node.value.values, strict=True):
                    if isinstance(key, ast.Constant):
                        yield str(key.value), value


def field_comments(cls: type[BaseModel]) -> dict[str, str]:
    """What is said of each field of a model, its own or inherited."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            texts |= comments(base)
    for name, info in cls.model_fields.items():
        models = models_of(info.annotation)
        inner = docstring(models[0]).split("\n\n")[0] if models else ""
        texts[name] = info.description or texts.get(name, "") or inner
    return texts


def docstring(thing: Any) -> str:
    """A docstring as Markdown."""
    return re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(thing.__doc__ or ""), flags=re.DOTALL)


def type_name(annotation: Any) -> str:
    """A type in words: `list of str`, `"a"` or `"b"`, `table`."""
    if typing.get_origin(annotation) is typing.Annotated:
        return type_name(typing.get_args(annotation)[0])
    arguments = [part for part in typing.get_args(annotation) if part is not type(None)]
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return " or ".join(
            f'"{part}"' if isinstance(part, str) else str(part) for part in arguments
        )
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_name(part) for part in arguments))
    if origin is list or (origin is tuple and arguments[-1:] == [Ellipsis]):
        return f"list of {type_name(arguments[0])}"
    if origin is tuple:
        return f"list of {len(arguments)} {type_name(arguments[0])}"
    if annotation is dict or origin is dict:
        return f"table of {type_name(arguments[-1])}" if arguments else "table"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    return "any value" if annotation is Any else getattr(annotation, "__name__", str(annotation))


def limits(info: FieldInfo) -> str:
    """The range that pydantic checks: `> 0`, `0 to 1`."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    metadata = list(info.metadata)
    for part in (info.annotation, *typing.get_args(info.annotation)):
        if typing.get_origin(part) is typing.Annotated:
            for extra in part.__metadata__:
                metadata += extra.metadata if isinstance(extra, FieldInfo) else [extra]
    return ", ".join(
        f"{sign} {getattr(limit, name):,}"
        for limit in metadata
        for name, sign in signs.items()
        if getattr(limit, name, None) is not None
    )


def default_of(info: FieldInfo) -> str:
    """The default as TOML would have it; nothing for a table of defaults."""
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return "absent"
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return '`"' + value.replace("\n", "\\n") + '"`'
    if isinstance(value, list | tuple):
        return "`[" + ", ".join(default_of_value(part) for part in value) + "]`"
    return "`{}`" if value == {} else f"`{value:_}`" if isinstance(value, int) else f"`{value}`"


def default_of_value(value: Any) -> str:
    """A value inside a list, as TOML would have it."""
    return '"' + value.replace("\n", "\\n") + '"' if isinstance(value, str) else str(value)


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The models in a type, such as those of a list or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in models_of(part)]
