"""Templates of the shards as text: the layout of a pair, and the prompt of a translation.

A manifest may come from elsewhere, so a template is read as data: only the four fields below are
filled, and none of Python's formats.
"""

from string import Formatter

FIELDS = ("first_name", "first", "second_name", "second")


def check_template(template: str) -> None:
    """Refuse what is not literal text and fields, `{first}` before `{second}`, once each.

    Raises:
        ValueError: see above, or unbalanced braces.
    """
    sides = []
    for _, name, spec, conversion in Formatter().parse(template):
        if name is None:
            continue
        if name not in FIELDS or spec or conversion:
            fields = ", ".join(f"{{{field}}}" for field in FIELDS)
            raise ValueError(f"template {template!r}: a field is not one of {fields}")
        if name in ("first", "second"):
            sides.append(name)
    if sides != ["first", "second"]:
        raise ValueError(f"template {template!r}: needs {{first}} and then {{second}}, once each")


def fill(template: str, values: dict[str, str]) -> str:
    """A template with its fields filled; `{{` and `}}` are literal braces.

    The text ends before the first field without a value. Braces in values mean nothing.
    """
    return "".join(_parts(template, values))


def prompt(template: str, values: dict[str, str]) -> str:
    """`fill` up to the second side, of which `values` has none.

    White space of the template goes, and that of values stays: tokenizers join a space to the word
    after it, as in " Hello".
    """
    *parts, literal = _parts(template, values)
    return "".join([*parts, literal.rstrip()])


def _parts(template: str, values: dict[str, str]) -> list[str]:
    """Literal texts and values in turn, up to the literal before a field without a value."""
    parts = []
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(literal)
        if name is None:
            continue
        if name not in values:
            break
        parts.append(values[name])
    return parts
