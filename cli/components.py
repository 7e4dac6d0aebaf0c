"""`sealdata components`: what a recipe can use, and checks of components of your own."""

import json
from pathlib import Path
from typing import Any

import click

from sealdata.errors import ConfigError, SealError

from .options import AS_JSON
from .terminal import echo


class _Components(click.Group):
    """A group whose other words are names of components."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """`check`, or the command that describes a component."""
        command = super().get_command(ctx, cmd_name)
        return command if command or cmd_name.startswith("-") else _describe(cmd_name)


def _describe(name: str) -> click.Command:
    @click.command(name)
    @_PLUGIN
    @AS_JSON
    @click.pass_context
    def describe(ctx: click.Context, plugin: tuple[Path, ...], as_json: bool) -> None:
        """Describe one component."""
        from sealdata.plugins.catalogue import entries_named
        from sealdata.plugins.loading import find_plugins

        from .show_components import as_json_text, show_entry

        # Options may stand before the name too.
        before = ctx.parent.params if ctx.parent else {}
        plugins = find_plugins([*before.get("plugin", ()), *plugin]).classes
        entries = entries_named(name, plugins)
        if as_json or before.get("as_json"):
            echo(as_json_text(entries))
            return
        for entry in entries:
            show_entry(entry)

    return describe


_PLUGIN = click.option(
    "--plugin",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A file with components of your own, to be listed too. It is run.",
)


@click.group(
    "components",
    cls=_Components,
    invoke_without_command=True,
    subcommand_metavar="[NAME | check FILE]",
)
@_PLUGIN
@AS_JSON
@click.pass_context
def components(ctx: click.Context, plugin: tuple[Path, ...], as_json: bool) -> None:
    """List all readers, cleaners, scorers and tokenizers, or describe NAME with its options.

    \b
    Example:
        sealdata components
        sealdata components ratio
        sealdata components check my_scorers.py
    """
    if ctx.invoked_subcommand is not None:
        return
    from sealdata.plugins.catalogue import catalogue
    from sealdata.plugins.loading import find_plugins

    from .show_components import as_json_text, show_catalogue

    entries = catalogue(find_plugins(plugin).classes)
    if as_json:
        echo(as_json_text(entries))
    else:
        show_catalogue(entries)


@components.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--options",
    metavar="TOML",
    default="",
    help="Options of components that require any: 'my_scorer = { path = \"x\" }'.",
)
@AS_JSON
def check(file: Path, options: str, as_json: bool) -> None:
    """Run the components of the plugin FILE through the contract that built-in ones hold to.

    Each check is a line. The command exits with 1 if one fails.

    \b
    Example:
        sealdata components check my_scorers.py
    """
    from sealdata.plugins.check import check_plugins
    from sealdata.plugins.loading import find_plugins, load_file

    find_plugins([file])  # refuses names that are taken
    _, classes = load_file(file)
    failed = passed = 0
    rows: list[dict[str, Any]] = []
    for component, results in check_plugins(classes, _tables(options)):
        for name, problem in results:
            failed, passed = failed + bool(problem), passed + (not problem)
            rows.append({"component": component, "check": name, "problem": problem})
            if not as_json:
                end = f": {problem}" if problem else ""
                echo(f"{'FAIL' if problem else 'ok  '}  {component}  {name}{end}")
    if as_json:
        echo(json.dumps(rows, indent=2, ensure_ascii=False))
    if failed:
        raise SealError(f"{file}: {failed} of {failed + passed} checks failed")
    if not as_json:
        echo(f"{file}: all {passed} checks hold")


def _tables(text: str) -> dict[str, dict[str, Any]]:
    import tomllib

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"--options is not TOML: {error}") from None
    if wrong := [name for name, table in tables.items() if not isinstance(table, dict)]:
        raise ConfigError(f"--options: {wrong[0]} must be a table, as in {wrong[0]} = {{ a = 1 }}")
    return tables
