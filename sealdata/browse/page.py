"""The page of `sealdata browse`: its frame; a script fills it with what the server answers."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sealdata.build_manifest import BuildManifest
from sealdata.report import figures, markup


def render_page(manifest: BuildManifest) -> str:
    """The HTML of the page. It has no text of the corpus."""
    environment = Environment(
        loader=PackageLoader("sealdata.browse"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(num=markup.number)
    card: dict[str, Any] = manifest.recipe.get("card", {})
    return environment.get_template("browse.html.j2").render(
        build=manifest,
        title=card.get("pretty_name") or manifest.name,
        textures=figures.textures(),
        kept=figures.key("kept"),
        lost=figures.key("lost"),
    )
