"""Options of several commands, so that each has one name, one meaning and one help text."""

import logging
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .terminal import echo

if TYPE_CHECKING:
    from sealdata.build_manifest import Finding
    from sealdata.workflow.progress import ProgressOptions

MODES = ("auto", "bars", "lines", "json", "off")  # of sealdata.workflow.progress, tested


def say_left_out(name: str, files: list[str]) -> None:
    """Name hidden and temporary files that are not read, on stderr."""
    if files:
        more = f" and {len(files) - 3:,} more" if len(files) > 3 else ""
        echo(f"{name}: hidden or temporary, not read: {', '.join(files[:3])}{more}", err=True)


def _refs(context: click.Context, parameter: click.Parameter, folder: Path) -> Path:
    from sealdata.files.hidden import hidden_in
    from sealdata.files.places import locate

    folder = locate(str(folder), Path())  # sample:eval is bundled
    say_left_out(str(folder), hidden_in(folder))
    return folder


def from_working_folder(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    """A model, or several, given by paths: a recipe would look for them in its own folder."""
    if isinstance(value, tuple):
        return tuple(from_working_folder(_context, _parameter, name) for name in value)
    return str(Path(value).absolute()) if value and Path(value).is_file() else value


BUILD_OUT = click.option(
    "--out", type=click.Path(path_type=Path), help="Result folder.  [default: builds/RECIPE-NAME]"
)
WORKERS = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="Processes on this machine.  [default: all cores]",
)
REFS = click.option(
    "--refs",
    required=True,
    type=click.Path(path_type=Path),
    callback=_refs,
    help="Folder of references: eng_Latn.dev and tha_Thai.dev, or eng_Latn-tha_Thai.tsv.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
ALLOW = click.option(
    "--allow",
    multiple=True,
    metavar="NAME",
    help="A finding of the sanity check, such as wrong-language, is meant: go on with a warning. "
    "May be repeated.",
)


def say_finding(finding: "Finding") -> None:
    """Print a finding of the sanity check, on stderr."""
    echo(f"{finding.level}: {finding.with_example}", err=True)


def finding_sayer(shown: "ProgressOptions") -> Callable[["Finding"], None]:
    """``say_finding``, or a record in place of a line where stderr has records only."""
    if shown.mode != "json":
        return say_finding
    log = logging.getLogger("sealdata")  # whose warnings become records
    return lambda finding: log.warning("%s: %s", finding.level, finding.with_example)


def progress_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--progress``, ``--quiet`` and ``--progress-file``, passed on as ``shown``."""

    @click.option(
        "--progress",
        type=click.Choice(MODES),
        default="auto",
        help="How progress is shown on stderr: bars, lines, JSON records, or not.  "
        "[default: bars on a terminal, lines elsewhere]",
    )
    @click.option(
        "-q", "--quiet", is_flag=True, help="Show no progress; warnings and errors are still shown."
    )
    @click.option(
        "--progress-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Also append JSON records of the progress to this file.",
    )
    @wraps(command)
    def with_progress(
        *args: Any, progress: str, quiet: bool, progress_file: Path | None, **options: Any
    ) -> Any:
        from sealdata.workflow.progress import ProgressOptions

        mode: Any = "off" if quiet else progress
        return command(*args, shown=ProgressOptions(mode, progress_file), **options)

    return with_progress
