"""What published tokenizers make of the region's languages, and what more pieces would buy.

``python -m tests.experiments.tokenizers --data DATA --tokenizers DIR`` writes the tables and the
picture of docs/explanation/tokenizers.md. DATA has tico19/, talpco/ and real/, DIR a folder for
each tokenizer, the first of which is olmo2/.
"""

import gzip
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import polars as pl

from sealdata.languages import resolve
from sealdata.report.fertility_chart import fertility_svg

from .page import filled

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "tokenizers.md"
BASE = "olmo2"
# Text of each language, the most formal that is at hand.
TALPCO = {"tha": "tha_Thai", "vie": "vie_Latn", "jav": "jav_Latn"}
SOFTWARE = ("lao_Laoo", "sun_Latn")
REAL = ("ind_Latn", "khm_Khmr", "lao_Laoo", "mya_Mymr", "tam_Taml", "tgl_Latn", "tha_Thai",
        "vie_Latn", "zho_Hans", "zsm_Latn")  # fmt: skip
PIECES = (1_000, 4_000, 16_000)
BUDGET = 34.7e9  # parallel tokens of the paper's 7B


def write_pairs(data: Path, out: Path) -> None:
    """TALPCo and software strings as ``eng_Latn-XXX.tsv``, which `sealdata fertility` reads."""
    english = _by_id(data / "talpco" / "data_eng.txt")
    for code, lang in TALPCO.items():
        other = _by_id(data / "talpco" / f"data_{code}.txt")
        rows = [f"{english[key]}\t{text}" for key, text in other.items() if key in english]
        (out / f"eng_Latn-{lang}.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    for lang in SOFTWARE:
        write_software(data, lang, out)


def write_software(data: Path, lang: str, out: Path) -> None:
    """The software strings of a language, unpacked."""
    packed = data / "real" / f"soft-{lang}.tsv.gz"
    (out / f"eng_Latn-{lang}.tsv").write_bytes(gzip.decompress(packed.read_bytes()))


def _by_id(path: Path) -> dict[str, str]:
    lines = (line.split("\t") for line in path.read_text("utf-8").splitlines())
    return {cells[0]: cells[1] for cells in lines if len(cells) == 2}


def measured(where: Path, tokenizers: list[Path], csv: Path, *options: str) -> pl.DataFrame:
    """The rows of `sealdata fertility`."""
    program = Path(sys.executable).with_name("sealdata")
    named = [part for path in tokenizers for part in ("--tokenizer", str(path))]
    command = [str(program), "fertility", str(where), *named, "--csv", str(csv), "-q", *options]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        raise click.ClickException(f"failed: {' '.join(command)}")
    return pl.read_csv(csv)


def parity_table(rows: pl.DataFrame, tokenizers: list[str]) -> str:
    """Parity of each language by tokenizer, the costliest for the base model first."""
    wide = rows.pivot("tokenizer", index="lang", values="parity").sort(BASE, descending=True)
    words = rows.filter(pl.col("tokenizer") == BASE).select("lang", "tokens_per_word")
    lines = [
        f"| language | {' | '.join(tokenizers)} | {BASE}, tokens per word |",
        "|---|" + "--:|" * (len(tokenizers) + 1),
    ]
    for row in wide.join(words, on="lang", maintain_order="left").iter_rows(named=True):
        cells = [f"{row[name]:.2f}" for name in tokenizers]
        lines.append(
            f"| {resolve(row['lang']).name} | {' | '.join(cells)} | {row['tokens_per_word']:.2f} |"
        )
    return "\n".join(lines)


def consequences_table(rows: pl.DataFrame) -> str:
    """What the parity of the base model's tokenizer means for pairs, contexts and outputs."""
    lines = [
        "| language | tokens a pair, both directions | pairs in 34.7 B tokens | "
        "English tokens that 4,096 tokens hold |",
        "|---|--:|--:|--:|",
    ]
    base = rows.filter(pl.col("tokenizer") == BASE).sort("parity", descending=True)
    lines += [
        f"| {resolve(row['lang']).name} | {row['tokens_per_pair']:.0f} | "
        f"{BUDGET / row['tokens_per_pair'] / 1e6:,.0f} M | {4096 / row['parity']:,.0f} |"
        for row in base.iter_rows(named=True)
    ]
    return "\n".join(lines)


def extension_table(data: Path, base: Path, folder: Path) -> str:
    """Parity on held-out software strings with more pieces, learnt from all ten languages."""
    for lang in REAL:
        write_software(data, lang, folder)
    columns = {}
    for count in PIECES:
        csv = folder / f"{count}.csv"
        rows = measured(folder, [base], csv, "--extend", str(count))
        before, after = rows.partition_by("tokenizer", maintain_order=True)
        columns[0], columns[count] = before, after
    heads = [f"+ {count:,}" for count in PIECES]
    lines = [f"| language | {BASE} | {' | '.join(heads)} |", "|---|" + "--:|" * (1 + len(heads))]
    order = columns[0].filter(pl.col("lang") != "eng_Latn").sort("parity", descending=True)["lang"]
    for lang in order:
        parity = [columns[n].row(by_predicate=pl.col("lang") == lang, named=True)["parity"]
                  for n in (0, *PIECES)]  # fmt: skip
        lines.append(f"| {resolve(lang).name} | " + " | ".join(f"{p:.2f}" for p in parity) + " |")
    return "\n".join(lines)


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--tokenizers", required=True, type=click.Path(path_type=Path, exists=True))
def main(data: Path, tokenizers: Path) -> None:
    """Measure, and write docs/explanation/tokenizers.md."""
    folders = sorted(path for path in tokenizers.iterdir() if path.is_dir())
    folders.sort(key=lambda path: path.name != BASE)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (pairs := folder / "pairs").mkdir()
        write_pairs(data, pairs)
        both = [measured(where, folders, folder / "rows.csv") for where in (data / "tico19", pairs)]
        rows = pl.concat(both).filter(pl.col("lang") != "eng_Latn")
        PAGE.with_name("tokenizers-parity.svg").write_text(fertility_svg(rows), "utf-8")
        (software := folder / "software").mkdir()
        blocks = {
            "parity": parity_table(rows, [path.name for path in folders]),
            "consequences": consequences_table(rows),
            "extension": extension_table(data, tokenizers / BASE, software),
        }
    PAGE.write_text(filled(PAGE.read_text("utf-8"), blocks), "utf-8")


if __name__ == "__main__":
    main()
