"""The `sealdata` command: parse, call, print."""

import os
from pathlib import Path
from typing import Literal

import click

from sealdata import __version__
from sealdata.errors import SealError

from .calibrate import calibrate
from .errors import Program
from .score import score


@click.group("sealdata", cls=Program, user_error=SealError)
@click.version_option(__version__, prog_name="sealdata")
def main() -> None:
    """Curate parallel corpora: audited pairs, packed token shards, a data card to defend them.

    \b
    Example:
        sealdata build quickstart
        sealdata inspect builds/quickstart/shards/train/parallel/eng_Latn-tha_Thai/part-00000.npy:3
    """


@main.command()
@click.argument("recipe")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Result folder.  [default: builds/RECIPE-NAME]"
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="Processes on this machine.  [default: all cores]",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or a Ray cluster that shares the files.",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="A running Ray cluster.  [default: RAY_ADDRESS, else one started here]",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Read only the first N records of each source; marks the build PARTIAL.",
)
@click.option(
    "--dry-run", is_flag=True, help="Check the recipe and its inputs, print the plan, and stop."
)
def build(
    recipe: str,
    out: Path | None,
    workers: int,
    engine: Literal["local", "ray"],
    address: str | None,
    limit: int | None,
    dry_run: bool,
) -> None:
    """Build RECIPE, a TOML file or the name of a built-in recipe.

    Interrupted or killed, the same command goes on where it stopped; done, it does nothing.

    \b
    Example:
        sealdata build quickstart --workers 2
        sealdata build my-recipe.toml --out /data/builds/mine
        sealdata build my-recipe.toml --out /shared/builds/mine --engine ray --address head:6379
    """
    from sealdata.build import build as run_build
    from sealdata.engines import open_engine
    from sealdata.plan import load_plan
    from sealdata.progress import make_progress

    from .show import show_build, show_plan

    plan = load_plan(recipe)
    folder = out or Path("builds") / plan.recipe.name
    if dry_run:
        show_plan(plan, folder)
        return
    if address is not None and engine != "ray":
        raise click.UsageError("--address is of use with --engine ray")
    with open_engine(engine, workers, folder, plan.paths(), address) as opened:
        built = run_build(plan, folder.absolute(), opened, make_progress(), limit)
    if not built.fresh:
        click.echo(f"{folder} is up to date with {recipe}: nothing to do", err=True)
    show_build(built.manifest, folder)


@main.command()
@click.argument("what")
@click.argument("other", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Result folder.  [default: builds/RECIPE-NAME]"
)
@click.option(
    "--rows",
    type=click.IntRange(min=100),
    default=20_000,
    show_default=True,
    help="Pairs that all scorers see; more make the errors smaller.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), help="Read only the first N records of each source."
)
@click.option(
    "--fail-on",
    "checks",
    multiple=True,
    metavar="EXPR",
    help='What must not be, as "kept_share<0.5"; exits with 3 if it is. May be repeated.',
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="Processes on this machine.  [default: all cores]",
)
@click.option(
    "--annotate",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also write audit/annotation.tsv: N kept pairs per language for people to judge blind.",
)
@click.option(
    "--annotated",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A sheet that was filled in: its precision goes into report and card.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def audit(
    what: str,
    other: Path | None,
    out: Path | None,
    rows: int,
    limit: int | None,
    checks: tuple[str, ...],
    workers: int,
    annotate: int | None,
    annotated: Path | None,
    as_json: bool,
) -> None:
    """Audit WHAT: a recipe, by a sample of its corpora scored in full, or the folder of a build.

    Writes audit/index.html and audit/audit.json into the folder. With OTHER, the folder of a
    second build, says what changed from the first to it.

    \b
    Example:
        sealdata audit my-recipe.toml --fail-on "kept_share<0.5" --fail-on "duplicate_share>0.2"
        sealdata audit builds/quickstart --annotate 100
        sealdata audit builds/old builds/new
    """
    from sealdata.audit import audit_build, audit_recipe, judge, sheet
    from sealdata.report.metrics import check

    from .show_audit import show_audit, show_comparison

    if other is not None:
        from sealdata.compare import compare

        show_comparison(compare(Path(what), other), as_json)
        return
    if Path(what).is_dir():
        found = audit_build(Path(what))
    else:
        from sealdata.engines.local import LocalEngine
        from sealdata.plan import load_plan
        from sealdata.progress import make_progress

        plan = load_plan(what)
        folder = out or Path("builds") / plan.recipe.name
        with LocalEngine(workers) as engine:
            found = audit_recipe(plan, folder, engine, make_progress(), rows, limit)
    if annotated:
        found = judge(found, annotated)
    show_audit(found, as_json)
    if annotate:
        click.echo(f"sheet   {sheet(found, annotate)}", err=as_json)
    check(found.facts, checks)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write only the card, to this file.")
def card(folder: Path, out: Path | None) -> None:
    """Write the card (README.md) and the Croissant metadata of the build in FOLDER anew.

    What people wrote is kept: between its marks, in sections of their own, and in keys of the front
    matter that the program does not set.

    \b
    Example:
        sealdata card builds/quickstart
    """
    from sealdata.audit import judged
    from sealdata.build_manifest import read_build_manifest
    from sealdata.report.card import write_card, write_metadata
    from sealdata.report.merge import unwritten

    manifest = read_build_manifest(folder)
    if out:
        write_card(manifest, out, judged(folder))
    else:
        write_metadata(manifest, folder, judged(folder))
    path = out or folder / "README.md"
    click.echo(path)
    for what in unwritten(path.read_text("utf-8")):
        click.echo(f"still to be written by a person: {what}", err=True)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--repo", required=True, metavar="NAME", help="Dataset repository: OWNER/NAME.")
@click.option("--private", is_flag=True, help="Make the repository private if it is made now.")
@click.option("--shards", is_flag=True, help="Also the packed shards.")
@click.option(
    "--unfinished", is_flag=True, help="Even if PARTIAL, or while a person has places to write."
)
@click.option("--dry-run", is_flag=True, help="Check everything, list the files, send nothing.")
def publish(
    folder: Path, repo: str, private: bool, shards: bool, unfinished: bool, dry_run: bool
) -> None:
    """Publish the build in FOLDER to the Hugging Face Hub: pairs, report, card and recipe.

    The build is verified first. Cut off, the same command goes on: what the repository has is not
    sent again. The token comes from HF_TOKEN or `hf auth login`.

    \b
    Example:
        sealdata publish builds/quickstart --repo me/my-corpus --private --dry-run
    """
    from sealdata.publish import check_ready, uploads
    from sealdata.publish import publish as send

    if dry_run:
        files = uploads(folder, check_ready(folder, unfinished), shards)
        for file in files:
            click.echo(f"{file.size:>15,}  {file.name}")
        click.echo(
            f"{sum(file.size for file in files):>15,}  bytes in {len(files)} files -> {repo}"
        )
        return
    sent = send(folder, repo, private, shards, unfinished, lambda line: click.echo(line, err=True))
    click.echo(f"{sent.address}: {len(sent.sent)} files sent, {len(sent.there)} were there")


@main.command()
@click.argument("where")
@click.option(
    "--tokenizer",
    "tokenizers",
    multiple=True,
    required=True,
    help="tokenizer.json, SentencePiece .model, a folder with one, or the name of a Hugging Face "
    "repository in the local cache; may be repeated.",
)
@click.option("--pairs", default=2000, show_default=True, help="Pairs per language, at most.")
@click.option("--csv", "csv", type=click.Path(path_type=Path), help="Also write a CSV file.")
@click.option("--chart", type=click.Path(path_type=Path), help="Also write a chart, as SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fertility(
    where: str,
    tokenizers: tuple[str, ...],
    pairs: int,
    csv: Path | None,
    chart: Path | None,
    as_json: bool,
) -> None:
    """Say into how many tokens each tokenizer cuts the languages of WHERE, against English.

    WHERE is a build's folder, a recipe, or a folder of aligned files (eng_Latn.dev beside
    tha_Thai.dev). What the columns mean: docs/tokens.md.

    \b
    Example:
        sealdata fertility builds/quickstart --tokenizer tokenizer.json --chart parity.svg
        sealdata fertility flores200_dataset/dev --tokenizer models/olmo2 --tokenizer allenai/gpt2
    """
    from sealdata.fertility import fertility as measure
    from sealdata.manifest import write_atomic
    from sealdata.pair_samples import pair_samples
    from sealdata.report.fertility_chart import fertility_svg
    from sealdata.tokenizers import find_tokenizer, named

    from .show_tokens import show_fertility

    opened = named([find_tokenizer(name) for name in tokenizers])
    rows = measure(opened, pair_samples(where, pairs))
    if csv is not None:
        write_atomic(csv, rows.write_csv)
    if chart is not None:
        drawn = fertility_svg(rows)
        write_atomic(chart, lambda path: path.write_text(drawn, "utf-8"))
    if as_json:
        click.echo(rows.write_json())
    else:
        show_fertility(rows)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--tokens", required=True, help="Parallel tokens to train on: 34.7e9, say.")
@click.option(
    "--temperature",
    type=click.FloatRange(min=1),
    default=1.0,
    show_default=True,
    help="1 keeps the languages' proportions; more favours the small ones.",
)
@click.option("--max-epochs", type=click.FloatRange(min=0, min_open=True), help="Of any language.")
@click.option("--cap", "caps", multiple=True, metavar="LANG=TOKENS", help="May be repeated.")
def budget(
    folder: Path, tokens: str, temperature: float, max_epochs: float | None, caps: tuple[str, ...]
) -> None:
    """Divide a budget of tokens among the languages of the build in FOLDER.

    Prints tokens, pairs and epochs of each language, and the lines for a training config.

    \b
    Example:
        sealdata budget builds/nllb --tokens 34.7e9 --temperature 3.3 --max-epochs 4
    """
    from sealdata.budget import plan_budget
    from sealdata.build_manifest import read_build_manifest
    from sealdata.languages import resolve

    from .show_tokens import show_budget

    limits = {}
    for cap in caps:
        lang, _, count = cap.partition("=")
        limits[resolve(lang).code] = _num_tokens(count, f"--cap {cap}")
    total = _num_tokens(tokens, f"--tokens {tokens}")
    manifest = read_build_manifest(folder)
    show_budget(plan_budget(manifest, total, temperature, max_epochs, limits))


def _num_tokens(text: str, where: str) -> int:
    try:
        count = float(text)
    except ValueError:
        count = 0
    if not 1 <= count < 1e18:
        raise click.UsageError(f"{where}: give a number of tokens, such as 34.7e9")
    return round(count)


@main.command()
@click.argument("shard")
def inspect(shard: str) -> None:
    """Print one sequence of SHARD, decoded, with its documents' boundaries and origins.

    SHARD is a part file, with ":N" for sequence N (default 0).

    \b
    Example:
        sealdata inspect builds/quickstart/shards/train/parallel/eng_Latn-tha_Thai/part-00000.npy:3
    """
    from sealdata.shards.reader import view_sequence

    from .show import show_sequence

    path, _, number = shard.partition(":")
    if number and not number.isdecimal():
        raise click.UsageError(f"{shard}: after the colon comes the number of a sequence")
    show_sequence(view_sequence(Path(path), int(number or 0)))


@main.command()
@click.argument("place")
def trace(place: str) -> None:
    """Say where a token comes from: source, file, row, URLs, scores, direction and template.

    PLACE is a part file of a build, ":" and the index of a token in it.

    \b
    Example:
        sealdata trace builds/quickstart/shards/train/parallel/eng_Latn-tha_Thai/part-00000.npy:300
    """
    from sealdata.trace import trace as find_origin

    from .show import show_trace

    path, _, token = place.rpartition(":")
    if not path or not token.isdecimal():
        raise click.UsageError(f"{place}: give a part file, a colon and the index of a token")
    show_trace(find_origin(Path(path), int(token)))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def verify(folder: Path) -> None:
    """Check every file of the build in FOLDER: digests, sizes, token ids, boundaries.

    Exits with 3 if anything is wrong.

    \b
    Example:
        sealdata verify builds/quickstart
    """
    from sealdata.verify import verify_build

    click.echo(verify_build(folder))


@main.command()
@click.option(
    "--refs",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of references.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def lengths(refs: Path, as_json: bool) -> None:
    """Compute the length factors of the languages in REFS, beside those that are shipped.

    A factor is the characters of English over those of the other language in the same text; the
    scorers ratio and balance multiply by those of sealdata/languages.toml.

    \b
    Example:
        sealdata lengths --refs flores200_dataset/dev
    """
    from sealdata.gold.lengths import length_factors

    from .show_gold import show_lengths

    rows = length_factors(refs)
    if as_json:
        click.echo(rows.write_json())
    else:
        show_lengths(rows)


@main.command()
@click.argument("recipe")
@click.option(
    "--refs",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of references: eng_Latn.dev beside tha_Thai.dev, or eng_Latn-tha_Thai.tsv.",
)
@click.option("--defects", is_flag=True, help="Also spoil references and say what is caught.")
@click.option(
    "--max",
    "max_percent",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    metavar="PERCENT",
    help="Rejected references allowed in any language.",
)
@click.option(
    "--skip",
    multiple=True,
    metavar="NAME",
    help="Leave out a scorer of the recipe and its rules; may be repeated.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="Processes on this machine.  [default: all cores]",
)
@click.option("--markdown", is_flag=True, help="Print the percentages as a Markdown table.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def gold(
    recipe: str,
    refs: Path,
    defects: bool,
    max_percent: float,
    skip: tuple[str, ...],
    workers: int,
    markdown: bool,
    as_json: bool,
) -> None:
    """Say how many human translations RECIPE would reject, and for which rules.

    Cleaning and all rules run as in a build, but for dedup and decontamination; the corpora of the
    recipe need not be there. Exits with 3 if a language loses more than --max.

    \b
    Example:
        sealdata gold quickstart --refs flores200_dataset/dev
        sealdata gold my-recipe.toml --refs NTREX/NTREX-128 --defects --skip laser
    """
    from sealdata.engines.local import LocalEngine
    from sealdata.gold.facts import gold as judge_references
    from sealdata.progress import make_progress
    from sealdata.recipe import read_recipe

    from .show_gold import markdown_table, show_gold

    table, base = read_recipe(recipe)
    with LocalEngine(workers) as engine:
        facts = judge_references(
            table,
            base,
            refs,
            engine,
            make_progress(),
            defects=defects,
            skip=skip,
            max_percent=max_percent,
        )
    if as_json:
        click.echo(facts.model_dump_json(indent=1))
    elif markdown:
        click.echo(markdown_table(facts))
    else:
        show_gold(facts)
    facts.check()


@main.command("hash-refs")
@click.argument("refs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A .parquet file.")
@click.option(
    "--name", help="Of the set, in match reports.  [default: of each path its last parts]"
)
@click.option("--column", "columns", multiple=True, help="A table's column of text; repeatable.")
def hash_refs(
    refs: tuple[Path, ...], out: Path, name: str | None, columns: tuple[str, ...]
) -> None:
    """Turn the evaluation sets REFS into hashes that a recipe can name in place of their text.

    OUT holds the hash of every sentence and of its character n-grams, set, file and line, and no
    text: what one needs to keep a set out that must not be passed on, such as FLORES+.

    \b
    Example:
        sealdata hash-refs flores200_dataset/dev flores200_dataset/devtest --out flores.parquet
        sealdata hash-refs my-test.csv --column question --column answer --out my-test.parquet
    """
    from sealdata.contamination.sets import evaluation_files, set_name
    from sealdata.errors import ConfigError
    from sealdata.stages.decontaminate import EvaluationFile, write_hash_file

    if out.suffix != ".parquet":
        raise ConfigError(f"--out {out}: a recipe knows a hash file by its ending .parquet")
    files = [
        EvaluationFile(set_name(ref, name), file, columns)
        for ref in refs
        for file in evaluation_files(ref, columns)
    ]
    count = write_hash_file(tuple(files), out)
    click.echo(f"{out}  {count:,} sentences of {len(files):,} files, as hashes")


main.add_command(calibrate)
main.add_command(score)


@main.group()
def sources() -> None:
    """The corpora there are cards of: what they hold, and where to get them.

    \b
    Example:
        sealdata sources list nllb-opus
        sealdata sources fetch nllb-opus --pair en-jv --out /data/upstream
    """


@sources.command("list")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_sources(name: str | None, as_json: bool) -> None:
    """All corpora with licence and size, or all that the card of NAME says.

    \b
    Example:
        sealdata sources list scb-mt-en-th-2020
    """
    import json

    from sealdata.report.cards import read_card
    from sealdata.sources import catalogue

    from .show_sources import show_source, show_sources

    cards = {name: read_card(name)} if name else catalogue()
    if as_json:
        facts = {name: card.model_dump(mode="json") for name, card in cards.items()}
        click.echo(json.dumps(facts, ensure_ascii=False, indent=1))
    elif name:
        show_source(name, cards[name])
    else:
        show_sources(cards)


@sources.command("fetch")
@click.argument("name")
@click.option(
    "--pair",
    "pairs",
    multiple=True,
    help="Only this pair, such as eng_Latn-jav_Latn or en-jv, or another download that the card "
    "names; may be repeated.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Files go to OUT/NAME/FILE."
)
@click.option("--unpack", is_flag=True, help="Unpack archives into folders beside them.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and stop.")
def fetch_source(name: str, pairs: tuple[str, ...], out: Path, unpack: bool, dry_run: bool) -> None:
    """Fetch the corpus NAME; interrupted, the same command goes on where it stopped.

    Digests that the card states are checked. Of other files the digest is noted beside them, and
    must be the same whenever they are fetched again.

    \b
    Example:
        sealdata sources fetch nllb-opus --pair eng_Latn-jav_Latn --out /data/upstream
    """
    from sealdata.sources import choose, fetch, place
    from sealdata.unpack import is_archive
    from sealdata.unpack import unpack as unpack_archive

    from .show_sources import fetch_progress

    for item in choose(name, pairs).values():
        path = place(name, item, out)
        if dry_run:
            click.echo(f"{item.url}\n  -> {path}")
            continue
        with fetch_progress() as report:
            found = fetch(name, item, out, report)
        click.echo(f"{path}  sha256 {found.sha256}{'' if found.fresh else '  (was there)'}")
        if unpack and is_archive(path):
            click.echo(f"{unpack_archive(path)}{os.sep}")


@main.group()
def models() -> None:
    """The pretrained models there are: what they know, their licences, and where they lie.

    Fetched models go to the user's cache folder, or to the folder that the environment variable
    SEALDATA_MODELS names.

    \b
    Example:
        sealdata models list
        sealdata models fetch laser2 laser3-jav_Latn
    """


@models.command("list")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_models(name: str | None, as_json: bool) -> None:
    """All models with licence and size, and which are on this machine; or all about NAME.

    \b
    Example:
        sealdata models list glotlid-v3
    """
    from sealdata.models.catalogue import catalogue, model_card

    from .show_models import models_as_json, show_model, show_models

    cards = {name: model_card(name)} if name else catalogue()
    if as_json:
        click.echo(models_as_json(cards))
    elif name:
        show_model(cards[name])
    else:
        show_models(cards)


@models.command("fetch")
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--accept-license",
    "accept",
    is_flag=True,
    help="Say yes to a licence that forbids common uses.",
)
def fetch_models(names: tuple[str, ...], accept: bool) -> None:
    """Fetch the models NAMES; interrupted, the same command goes on where it stopped.

    The licence is shown first. Sizes and digests that the publisher states are checked; of other
    files the digest is noted beside them, and must be the same ever after.

    \b
    Example:
        sealdata models fetch lid218e --accept-license
    """
    from sealdata.models.catalogue import model_card
    from sealdata.models.store import fetch

    from .show_models import show_terms
    from .show_sources import fetch_progress

    cards = [model_card(name) for name in names]
    for card in cards:
        show_terms(card)
        with fetch_progress() as report:
            paths = fetch(card.name, accept, report)
        for path in paths.values():
            click.echo(path)


@models.command("path")
@click.argument("name")
def model_path(name: str) -> None:
    """Print where the files of the model NAME lie, one a line; exits with 1 if they are not there.

    \b
    Example:
        sealdata models path lid176-ftz
    """
    from sealdata.models.store import find

    for path in find(name).values():
        click.echo(path)


@main.group()
def lid() -> None:
    """Language identification: how well a model does it.

    \b
    Example:
        sealdata lid eval --refs flores200_dataset/devtest
    """


@lid.command("eval")
@click.option(
    "--refs",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of references: eng_Latn.dev beside tha_Thai.dev, or eng_Latn-tha_Thai.tsv.",
)
@click.option("--model", help="A name of `sealdata models list` or a path, not the recipe's model.")
@click.option(
    "--recipe",
    default="openseal",
    show_default=True,
    help="The recipe whose rules on language ID are tried.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def lid_eval(refs: Path, model: str | None, recipe: str, as_json: bool) -> None:
    """Say what the references of each language are taken for, and what a recipe's rules do.

    Prints accuracy, the share of references that the rules would drop, the share of text in other
    languages that they catch, and the confusion matrix.

    \b
    Example:
        sealdata lid eval --refs flores200_dataset/devtest --model lid218e
        sealdata lid eval --refs NTREX/NTREX-128 --recipe my-recipe.toml --json
    """
    from sealdata.gold.lid import evaluate
    from sealdata.recipe import read_recipe

    from .show_lid import show_lid

    facts = evaluate(*read_recipe(recipe), refs, model)
    if as_json:
        click.echo(facts.model_dump_json(indent=1))
    else:
        show_lid(facts)
