"""OpusFilter 3.3.1 in an environment of its own, on rules that both have."""

import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

from sealdata.component import load
from sealdata.plan import load_plan
from sealdata.readers import Source

from .corpus import ENGLISH, THAI, pairs_of
from .race import Race, cpu_seconds, race
from .text import chain

RELEASE = "opusfilter==3.3.1"
RULES = "length", "ratio", "script", "numerals", "copy"  # of ours, what OpusFilter's seven look at
NOTE = """\
OpusFilter runs LengthFilter, LengthRatioFilter (both in characters: by words it drops Thai at the
second rule and looks no further), AlphabetRatio, CharacterScore, TerminalPunctuation,
NonZeroNumerals and Similarity at their defaults; its start is taken off. Ours has no
rule on final punctuation or on the share of letters yet, and writes the raw pairs, the cleaned
pairs and every score besides what it keeps.
"""
_CONFIG = """
common: {{output_directory: {folder}}}
steps:
  - type: filter
    parameters:
      inputs: [{name}.en, {name}.th]
      outputs: [kept.en, kept.th]
      filters:
        - LengthFilter: {{unit: char, max_length: 2000}}
        - LengthRatioFilter: {{unit: char}}
        - AlphabetRatioFilter: {{}}
        - CharacterScoreFilter: {{scripts: [Latin, Thai]}}
        - TerminalPunctuationFilter: {{}}
        - NonZeroNumeralsFilter: {{}}
        - SimilarityFilter: {{}}
"""


def install(folder: Path) -> Path:
    """Path of the program, installed into ``folder`` unless it is there."""
    program = folder / "bin" / "opusfilter"
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", RELEASE], check=True)
    return program


def seven_rules(program: Path, num_pairs: int, repeats: int, folder: Path) -> Iterator[Race]:
    """Two text files to the pairs that pass, against seven rules of OpusFilter.

    Its lengths are in characters: by words it drops Thai at the second rule and looks no further.
    Its start, measured on one pair, is taken off; ours is not in the figure either.
    """
    for name, count in (("many", num_pairs), ("one", 1)):
        pairs = pairs_of(THAI, count)
        for side, suffix in (("src", "en"), ("tgt", "th")):
            (folder / f"{name}.{suffix}").write_text("\n".join(pairs[side]) + "\n", "utf-8")
        config = _CONFIG.format(folder=folder, name=name)
        (folder / f"{name}.yaml").write_text(config, "utf-8")
    reader, source = load("readers", "moses"), Source("moses", folder / "many", ENGLISH, THAI)
    plan = load_plan("quickstart")

    def run(name: str) -> None:
        command = [str(program), "--overwrite", str(folder / f"{name}.yaml")]
        subprocess.run(command, check=True, capture_output=True)

    ways = {
        f"our rules of the kind ({', '.join(RULES)})": lambda: chain(
            reader, source, plan, folder, clean=False, only=RULES
        ),
        "all our rules on text": lambda: chain(reader, source, plan, folder, clean=False),
        f"{RELEASE}, seven rules": lambda: run("many"),
    }
    result = race("two text files to kept pairs", num_pairs, "pairs", ways, repeats)
    start = cpu_seconds(lambda: run("one"))
    theirs = result.seconds[list(ways)[-1]]
    theirs[:] = [seconds - start for seconds in theirs]
    yield result
