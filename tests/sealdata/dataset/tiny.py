"""A recipe of a few pairs, built in seconds, for tests of what lies in its folder."""

from pathlib import Path

from click.testing import CliRunner, Result

from sealcli.sealdata import main

RECIPE = """
name = "tiny"
[[source]]
name = "s"
reader = "tsv"
path = "s.tsv"
src_lang = "en"
tgt_lang = "id"
options = { layout = "pairs" }
[score.length]
[[rule]]
reason = "too_short"
score = "length.src_chars"
min = 5
[validation]
share = 0.0
[pack]
sequence_length = 128
block_length = 128
[tokenizer]
path = "sample:tokenizers/bpe"
"""
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
PAIRS = [(f"Page {word} is here.", f"Halaman {word} ada di sini.") for word in WORDS]


def recipe(folder: Path, pairs: list[tuple[str, str]] = PAIRS, more: str = "") -> Path:
    """Write corpus and recipe into ``folder``; the recipe's path."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{source}\t{target}\n" for source, target in pairs)
    (folder / "s.tsv").write_text(lines, "utf-8")
    path = folder / "tiny.toml"
    path.write_text(RECIPE + more, "utf-8")
    return path


def sealdata(*args: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="sealdata")


def build(recipe: Path, out: Path, *more: object) -> Result:
    """Build in this process."""
    return sealdata("build", recipe, "--out", out, "--workers", 1, "--progress", "off", *more)
