"""`sealdata browse`: look at the pairs of a build in a browser."""

from pathlib import Path

import click

from .terminal import echo


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(min=0, max=65_535),
    default=0,
    help="Port of the page.  [default: one that is free]",
)
@click.option(
    "--annotator",
    default="",
    metavar="NAME",
    help="Name of the annotator, who sees only the labels under the same name.",
)
@click.option("--no-open", is_flag=True, help="Print the address only, and open no browser.")
def browse(folder: Path, port: int, annotator: str, no_open: bool) -> None:
    """Browse all pairs of the build in FOLDER, kept and dropped, in a browser on this machine.

    Search, filter by score, move limits and see which pairs they change, save them as a recipe,
    and label pairs. Only labels are written, to FOLDER/labels.jsonl. The address holds a secret:
    others on this machine cannot open the page without it. Ctrl-C ends the server.

    \b
    Example:
        sealdata browse builds/quickstart
        sealdata browse builds/quickstart --annotator ann
        sealdata browse builds/quickstart --no-open --port 8000
    """
    import os
    import sys
    import webbrowser

    from sealdata.browse.server import BrowseServer
    from sealdata.browse.session import Session
    from sealdata.errors import ConfigError

    session = Session(folder, annotator)
    try:
        server = BrowseServer(session, port)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"cannot use port {port} ({reason}); leave out --port") from None
    echo(server.address)
    if session.labels.num_torn:
        count = session.labels.num_torn
        echo(f"{session.labels.path}: {count} lines hold no label, and are ignored", err=True)
    echo("Ctrl-C ends the server.", err=True)
    # Without a screen, the standard library would open a browser of text in this very terminal.
    screen = sys.platform == "darwin" or os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"}
    if screen and not no_open:
        webbrowser.open(server.address)
    with server:
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            labelled = sum(session.labels.counts().values())
            where = f"; {labelled:,} labels are in {session.labels.path}" if labelled else ""
            echo(f"stopped{where}", err=True)
