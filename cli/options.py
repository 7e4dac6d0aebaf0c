"""Options that several commands take, written once: one name, one meaning, one sentence of help."""

import os
from pathlib import Path

import click

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
    help="Folder of references: eng_Latn.dev beside tha_Thai.dev, or eng_Latn-tha_Thai.tsv.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PAIRS = click.option(
    "--pair",
    "pairs",
    multiple=True,
    help="Only this pair, such as eng_Latn-jav_Latn or en-jv, or another download that the card "
    "names; may be repeated.",
)
UPSTREAM = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SEALDATA_DATA",
    default="data",
    show_default=True,
    help="Folder of all corpora: files lie at OUT/NAME/FILE.  [environment: SEALDATA_DATA]",
)
