"""SVG elements: the one place that writes SVG.

The charts of the audit page are drawn here and not by a library. Each figure was measured on the
page of the quickstart (330 histograms, 1.98 MB; the limit is 3 MB):

- matplotlib 3.11: 8.8 kB and 36 ms for each histogram against 0.9 kB and 0.2 ms here; the page
  would have 4.6 MB. Its colours are fixed, so that the dark page and the textures are not possible.
- Vega-Lite 5 with Vega 5 and vega-embed 6: 828 kB of scripts. Vega compiles expressions with
  ``Function``, which the page's Content-Security-Policy forbids; without scripts, no chart shows.
- Plotly 2: 4.56 MB of scripts, the basic bundle 1.07 MB. Observable Plot with d3: 490 kB, and no
  chart without scripts.

Files that stand by themselves and follow no page (``gold/plot.py``, sealtrain) use matplotlib.
"""

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

NAMESPACE = "http://www.w3.org/2000/svg"


def element(tag: str, *content: Markup | str | None, **attributes: Any) -> Markup:
    """One element; its text and attribute values are escaped.

    Numbers are written with at most two decimals: a hundredth of a unit is below a pixel. In
    names of attributes, a final ``_`` is dropped (``class_``) and any other becomes ``-``.
    Attributes that are None are left out.
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _written(value))
        for name, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(part for part in content if part is not None)
    if not inner:
        return Markup("<{}{}/>").format(tag, written)
    return Markup("<{0}{1}>{2}</{0}>").format(tag, written, inner)


def chart(*content: Markup, box: tuple[float, float], label: str, **attributes: Any) -> Markup:
    """A drawing with a text alternative; ``box`` is its width and height in its own units."""
    view = f"0 0 {_written(box[0])} {_written(box[1])}"
    return element("svg", *content, viewBox=view, role="img", aria_label=label, **attributes)


def path(*commands: str | float, **attributes: Any) -> Markup:
    """A path of commands (letters) and coordinates (numbers) in the order in which they apply."""
    return element("path", **attributes, d=path_data(commands))


def path_data(commands: Iterable[str | float]) -> str:
    """The ``d`` of a path: ``M1.5 2v-3z``."""
    parts: list[str] = []
    after_number = False
    for command in commands:
        is_number = not isinstance(command, str)
        # A minus sign separates two numbers by itself; spaces are a third of the bytes otherwise.
        text = _written(command)
        separate = is_number and after_number and not text.startswith("-")
        parts += [" ", text] if separate else [text]
        after_number = is_number
    return "".join(parts)


def rect(*content: Markup, **attributes: Any) -> Markup:
    """A rectangle; sizes such as ``"12.5%"`` are shares of the drawing."""
    return element("rect", *content, **attributes)


def text(x: float, y: float, content: str, anchor: str = "start", **attributes: Any) -> Markup:
    """One line of text whose start, middle or end is at ``x`` and whose baseline is at ``y``."""
    return element("text", content, x=x, y=y, text_anchor=anchor, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: Any) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def title(content: str) -> Markup:
    """What a browser shows while the pointer is over the element that holds it."""
    return element("title", content)


def _written(value: Any) -> str:
    if isinstance(value, int | float):
        # Adding 0.0 turns -0.0 into 0.0.
        return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
    return str(value)
