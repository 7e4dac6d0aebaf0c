"""Mistakes of users: each is answered with what is wrong, where, and what to do about it.

A row changes a recipe or its files that work, or gives a command. What must be said is matched as
pieces of the messages. Nothing may end with exit code 0 in silence, and nothing with a traceback.
"""

import gzip
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.files.places import sample_dir

RECIPE = """
name = "mine"
[[source]]
name = "news"
reader = "tsv"
path = "news.tsv"
src_lang = "en"
tgt_lang = "th"
options = { layout = "pairs" }
[[stream]]
name = "english"
kind = "replay"
path = "english.jsonl"
[clean.whitespace]
[score.length]
[score.script]
[score.lid]
[[rule]]
reason = "too_short"
score = "length.src_chars"
min = 2
[[rule]]
reason = "wrong_script"
score = "script.tgt_share"
min = 0.5
[decontaminate]
refs = ["sample:eval"]
[tokenizer]
path = "sample:tokenizers/bpe"
"""
DRY_RUN = ("build", "mine.toml", "--dry-run")
Change = Callable[[Path], None]


class Mistake(NamedTuple):
    """A change, the command after it, its exit code and what it must say."""

    change: Change
    says: tuple[str, ...]
    code: int = 1
    command: tuple[str, ...] = DRY_RUN


def recipe(old: str, new: str) -> Change:
    """Replace text of the recipe."""

    def change(folder: Path) -> None:
        text = (folder / "mine.toml").read_text("utf-8")
        assert old in text
        (folder / "mine.toml").write_text(text.replace(old, new, 1), "utf-8")

    return change


def both(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for part in changes:
            part(folder)

    return change


def nothing(folder: Path) -> None: ...


def texts(lang: str) -> list[str]:
    return (sample_dir() / "text" / f"{lang}.txt").read_text("utf-8").splitlines()


def pairs(folder: Path, first: str = "eng_Latn", second: str = "tha_Thai") -> None:
    lines = zip(texts(first), texts(second), strict=True)
    (folder / "news.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in lines), "utf-8")


def swapped(folder: Path) -> None:
    pairs(folder, "tha_Thai", "eng_Latn")


def indonesian(folder: Path) -> None:
    pairs(folder, "eng_Latn", "ind_Latn")


def moses(folder: Path) -> None:
    lines = {"en": texts("eng_Latn"), "th": texts("tha_Thai")[:-7]}
    for suffix, side in lines.items():
        (folder / f"news.en-th.{suffix}").write_text("".join(f"{t}\n" for t in side), "utf-8")


def opus_zip(folder: Path) -> None:
    moses(folder)
    with zipfile.ZipFile(folder / "en-th.txt.zip", "w") as archive:
        for suffix in ("en", "th"):
            archive.write(folder / f"news.en-th.{suffix}", f"News.en-th.{suffix}")
        archive.writestr("README", "Read me.\n")


def csv(folder: Path) -> None:
    lines = zip(texts("eng_Latn"), texts("tha_Thai"), strict=True)
    rows = "".join(f'"{a}","{b}"\n' for a, b in lines if '"' not in a + b)
    (folder / "news.csv").write_text("english,thai\n" + rows, "utf-8")


def empty(name: str) -> Change:
    return lambda folder: (folder / name).write_bytes(b"") and None


def replay_without_text(folder: Path) -> None:
    lines = [f'{{"content": "{t}"}}\n' for t in texts("eng_Latn") if '"' not in t]
    (folder / "english.jsonl").write_text("".join(lines), "utf-8")


def half_swapped(folder: Path) -> None:
    lines = zip(texts("eng_Latn"), texts("tha_Thai"), strict=True)
    sides = [(b, a) if number % 2 else (a, b) for number, (a, b) in enumerate(lines)]
    (folder / "news.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in sides), "utf-8")


def half_khmer(folder: Path) -> None:
    lines = zip(texts("eng_Latn"), texts("tha_Thai"), texts("khm_Khmr"), strict=True)
    sides = [(a, c) if number % 2 else (a, b) for number, (a, b, c) in enumerate(lines)]
    (folder / "news.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in sides), "utf-8")


def shuffled(folder: Path) -> None:
    lines = zip(texts("eng_Latn"), sorted(texts("tha_Thai")), strict=True)
    (folder / "news.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in lines), "utf-8")


def numbers_as_evaluation(folder: Path) -> None:
    (folder / "eval.txt").write_text("".join(f"{n}\n" for n in range(50)), "utf-8")


def json_named_text(folder: Path) -> None:
    (folder / "english.jsonl").rename(folder / "english.txt")


def thai_replay(folder: Path) -> None:
    lines = [f'{{"text": "{t}"}}\n' for t in texts("tha_Thai") if '"' not in t]
    (folder / "english.jsonl").write_text("".join(lines), "utf-8")


def cut_gzip(folder: Path) -> None:
    (folder / "news.tsv.gz").write_bytes(gzip.compress((folder / "news.tsv").read_bytes())[:-20])


def other_build(folder: Path) -> None:
    """A finished build of another recipe, on whose card people have written."""
    manifest = built(folder.parent).read_text("utf-8").replace('"name": "mine"', '"name": "old"', 1)
    (folder / "out").mkdir()
    (folder / "out" / "manifest.json").write_text(manifest, "utf-8")
    (folder / "out" / "README.md").write_text("---\ntags: [sealdata]\n---\nBy Somchai.\n", "utf-8")


def built(base: Path) -> Path:
    """The manifest of the recipe without mistakes, built once."""
    manifest = base / "right" / "builds" / "mine" / "manifest.json"
    assert manifest.is_file(), "the fixture builds it"
    return manifest


def own_files(folder: Path) -> None:
    (folder / "out" / "report").mkdir(parents=True)
    (folder / "out" / "report" / "thesis.md").write_text("Mine.\n", "utf-8")


OUT = (*DRY_RUN, "--out", "out")
MARGIN_RULE = '[[rule]]\nreason = "low"\nscore = "stored.margin"\nmin = 1.06\n'
RULE = '[[rule]]\nreason = "too_short"'
MISTAKES = {
    # Names and keys: typing errors.
    "table": Mistake(
        recipe("[[source]]", "[[sorce]]"), ("unknown key 'sorce'", "did you mean 'source'?"), 2
    ),
    "key": Mistake(
        recipe("src_lang", "src_langs"),
        ("[[source]] number 1: unknown key 'src_langs'", "did you mean 'src_lang'?"),
        2,
    ),
    "score of a rule": Mistake(
        recipe('"length.src_chars"', '"lenght.src_chars"'),
        ("rule 'too_short' needs 'lenght.src_chars'", "did you mean [score.length]?"),
        2,
    ),
    "column of a score": Mistake(
        recipe('"length.src_chars"', '"length.src_char"'),
        ("no score 'length.src_char'", "did you mean 'length.src_chars'?"),
        2,
    ),
    "scorer": Mistake(recipe("[score.lid]", "[score.langid]"), ("Did you mean 'lid'?",), 2),
    "option": Mistake(
        recipe("[score.lid]", '[score.lid]\nmodle = "x"'),
        ("scorer 'lid': unknown key 'modle'; did you mean 'model'?",),
        2,
    ),
    "reader": Mistake(recipe('"tsv"', '"mosses"'), ("'news'", "Did you mean 'moses'?"), 2),
    "layout": Mistake(recipe('"pairs"', '"pears"'), ("'news'", "no layout 'pears'; known:"), 2),
    "cleaner": Mistake(
        recipe("[clean.whitespace]", "[clean.whitspace]"), ("Did you mean 'whitespace'?",), 2
    ),
    "language": Mistake(
        recipe('"th"', '"thai-land"'),
        ("[[source]] number 1: 'tgt_lang': unknown language 'thai-land'", "nearest:"),
        2,
    ),
    "TOML": Mistake(
        recipe("min = 2", "min = 2,000"), ("mine.toml: not valid TOML", "line ", "column "), 2
    ),
    "recipe": Mistake(
        nothing, ("no recipe 'quickstrat'", "did you mean 'quickstart'?"), 2,
        ("build", "quickstrat", "--dry-run"),
    ),
    "recipe file": Mistake(
        nothing, ("no recipe 'myne.toml'", "did you mean 'mine.toml'?"), 2,
        ("build", "myne.toml", "--dry-run"),
    ),
    "option of the command": Mistake(
        nothing, ("No such option", "Did you mean '--workers'?"), 2,
        ("build", "mine.toml", "--worker", "2"),
    ),
    "finding": Mistake(
        nothing, ("--allow wrong-langage", "did you mean 'wrong-language'?"), 2,
        (*DRY_RUN, "--allow", "wrong-langage"),
    ),
    # Files that are not there, or are something else.
    "path of a corpus": Mistake(
        recipe('"news.tsv"', '"news.tsv.gz"'),
        ("[missing] source 'news': no file", "news.tsv.gz; the folder has news.tsv"),
    ),
    "prefix of Moses files": Mistake(
        both(moses, recipe('"news.tsv"', '"news.en-th.en"'), recipe('"tsv"', '"moses"'),
             recipe('options = { layout = "pairs" }', "")),
        ("source 'news'", "news.en-th.en"),
    ),
    "unset variable": Mistake(
        recipe('"news.tsv"', '"$NO_SUCH_FOLDER/news.tsv"'),
        ("environment variable $NO_SUCH_FOLDER is not set",),
        2,
    ),
    "OPUS archive as TSV": Mistake(
        both(opus_zip, recipe('"news.tsv"', '"en-th.txt.zip"')),
        ("source 'news'", "holds 3 files", 'reader = "moses"'),
    ),
    "unequal Moses files": Mistake(
        both(moses, recipe('"news.tsv"', '"news.en-th"'), recipe('"tsv"', '"moses"'),
             recipe('options = { layout = "pairs" }', "")),
        ("source 'news'", "line counts differ: eng_Latn 163, tha_Thai 156", "fetch it again"),
    ),
    "cut download": Mistake(
        both(cut_gzip, recipe('"news.tsv"', '"news.tsv.gz"')),
        ("source 'news'", "news.tsv.gz is cut short at byte", "fetch it again"),
    ),
    "header of a CSV": Mistake(
        both(csv, recipe('"news.tsv"', '"news.csv"'), recipe('"tsv"', '"csv"'),
             recipe('options = { layout = "pairs" }', "")),
        ("news.csv: one column named 'en_text'", "'english', 'thai'", "options = { columns = ["),
    ),
    "empty corpus": Mistake(
        empty("news.tsv"), ("[empty] source 'news': news.tsv holds no records", "fetch it again")
    ),
    "empty replay": Mistake(
        empty("english.jsonl"), ("[empty] stream 'english': english.jsonl holds no records",)
    ),
    "model": Mistake(
        recipe("[score.lid]", '[score.lid]\nmodel = "lid218e"'),
        ("[missing] [score.lid]: model lid218e is not on this machine", "sealdata models fetch"),
    ),
    "tokenizer": Mistake(
        recipe('"sample:tokenizers/bpe"', '"models/none"'),
        ("[missing] [tokenizer]: no tokenizer at", "expected a tokenizer.json"),
    ),
    "evaluation set": Mistake(
        recipe('"sample:eval"', '"flores/dev"'),
        ("[missing] [decontaminate]: no evaluation text at", "flores/dev", "expected a file"),
    ),
    "several at once": Mistake(
        both(recipe('"sample:eval"', '"flores/dev"'), recipe('"news.tsv"', '"old.tsv"')),
        ("source 'news': no file", "[decontaminate]: no evaluation text", "and 1 more"),
    ),
    # What is not a typing error: the files are there, and the recipe is not about them.
    "languages swapped": Mistake(
        swapped,
        ("[swapped-languages] source 'news'", "has Thai where the recipe declares English",
         "--allow swapped-languages"),
    ),
    "languages swapped, audited": Mistake(
        swapped, ("[swapped-languages] source 'news'",), 1, ("audit", "mine.toml")
    ),
    "languages swapped, built": Mistake(
        swapped, ("[swapped-languages] source 'news'",), 1, ("build", "mine.toml")
    ),
    "another language": Mistake(
        indonesian,
        ("[wrong-language] source 'news'", "is not Thai", "Indonesian", "correct the language"),
    ),
    "a relative of the language": Mistake(
        both(indonesian, recipe('"th"', '"jv"'),
             recipe('score = "script.tgt_share"', 'score = "script.src_share"')),
        ("warning: [wrong-language] source 'news'", "may not be Javanese", "are Indonesian"),
        0,
    ),
    "JSONL reader on TSV": Mistake(
        both(recipe('"tsv"', '"jsonl"'), recipe('options = { layout = "pairs" }', "")),
        ("[unreadable] source 'news': 163 of 163 records", "bad_json", 'reader = "tsv"',
         "--allow unreadable"),
    ),
    "two columns read as nine": Mistake(
        recipe('options = { layout = "pairs" }', ""),
        ("[unreadable] source 'news': 163 of 163 records", "that line has 2 columns",
         "layout 'nllb' has 9", '"pairs"'),
    ),
    "replay without text": Mistake(
        replay_without_text,
        ("[unreadable] stream 'english'", "no_such_field", "options = { field = ... }: content"),
    ),
    "replay in another language": Mistake(
        thai_replay, ("[wrong-language] stream 'english'", "its text is not English", "Thai")
    ),
    "half of the lines swapped": Mistake(
        half_swapped,
        ("[swapped-languages] source 'news': 50% of 163 sampled pairs", "file of their own"),
    ),
    "two languages in a file": Mistake(
        half_khmer,
        ("warning: [wrong-language] source 'news': its Thai side is a mixture: 50% of 163",
         "Khmer"),
        0,
    ),
    "a shuffled column": Mistake(
        shuffled, ("[misaligned] source 'news'", "rank correlation", "shuffled or shifted")
    ),
    "JSON lines as plain text": Mistake(
        both(json_named_text, recipe("english.jsonl", "english.txt")),
        ("[not-text] stream 'english': 100% of its documents look like JSON", 'format = "jsonl"'),
    ),
    "numbers as an evaluation set": Mistake(
        both(numbers_as_evaluation, recipe('"sample:eval"', '"eval.txt"')),
        ("[evaluation-set]", "no sentence that was looked at has a letter", "name the columns"),
    ),
    "an evaluation set in another language": Mistake(
        recipe('"sample:eval"', '"sample:eval/mya_Mymr.txt"'),
        ("warning: [evaluation-set]", "0% of 30 sampled sentences are in a language of the"),
        0,
    ),
    "a data card": Mistake(
        recipe('tgt_lang = "th"', 'tgt_lang = "th"\ncard = "nlb-opus"'),
        ("[missing] source 'news': no data card named 'nlb-opus'; known:",),
    ),
    "a rule without effect": Mistake(
        recipe("min = 0.5", "min = 0"),
        ("warning: [no-effect] rule 'wrong_script'", "between 0 and 1, so the rule drops no pair"),
        0,
    ),
    "percent for a share": Mistake(
        recipe("min = 0.5", "min = 50"),
        ("rule 'wrong_script': 50 is not a threshold of a score from 0 to 1 (script.tgt_share)",
         "the rule would drop every pair or none"),
        2,
    ),
    "limits the wrong way round": Mistake(
        recipe("min = 0.5", "min = 0.5\nmax = 0.1"),
        ("[[rule]] number 2: rule 'wrong_script': min 0.5 is above max 0.1, so no pair passes",),
        2,
    ),
    "limit on a text": Mistake(
        recipe('"script.tgt_share"', '"lid.tgt_top"'), ("lid.tgt_top is text, which has no order",),
        2,
    ),
    "a limit that nothing passes": Mistake(
        recipe("min = 2", "min = 2000"),
        ("[nothing-kept] source 'news': 0 of 163 sampled pairs pass the rules", "'too_short'",
         "--allow nothing-kept"),
    ),
    "a rule on a score that no source has": Mistake(
        both(recipe("[score.script]", "[score.script]\n[score.stored]"),
             recipe(RULE, MARGIN_RULE + RULE)),
        ("warning: [no-score] rule 'low': no sampled pair of any source has stored.margin",
         "drops none of them", "Remove the rule"),
        0,
    ),
    "folder of another recipe": Mistake(
        other_build,
        ("[other-recipe] --out out: it holds the build 'old'", "Choose another folder",
         "--allow other-recipe"),
        1, OUT,
    ),
    "folder of other files": Mistake(
        own_files, ("out has files where a build writes", "report/thesis.md; move them"), 1, OUT
    ),
    # Other commands.
    "gold without references": Mistake(
        nothing, ("no folder of references at nowhere", "sample:eval"), 2,
        ("gold", "mine.toml", "--refs", "nowhere"),
    ),
    "audit of a folder that is not there": Mistake(
        nothing, ("builds/none is not the folder of a build, and no recipe",), 2,
        ("audit", "builds/none"),
    ),
    "verify of another folder": Mistake(
        nothing, (". is not the folder of a build (no manifest.json)", "builds/quickstart"), 1,
        ("verify", "."),
    ),
    "card of an unfinished build": Mistake(
        lambda folder: (folder / "out/work").mkdir(parents=True),
        ("the build in out is not finished", "run `sealdata build` again"), 1, ("card", "out"),
    ),
    "inspect of a build": Mistake(
        lambda folder: shutil.copytree(built(folder.parent).parent, folder / "b") and None,
        ("b is a build; name one of its streams, such as b/shards/train/",), 2, ("inspect", "b"),
    ),
    "trace of a build": Mistake(
        lambda folder: shutil.copytree(built(folder.parent).parent, folder / "b") and None,
        ("b is a build; name one of its streams",), 2, ("trace", "b:3"),
    ),
    "trace of no token": Mistake(
        lambda folder: shutil.copytree(built(folder.parent).parent, folder / "b") and None,
        ("no token 999,999,999", "sequences have 4,096 tokens"), 2,
        ("trace", "b/shards/train/replay/english/part-00000.npy:999999999"),
    ),
    "a check of CI": Mistake(
        nothing, ("'kept<50%' is not a check", "kept_share<0.5"), 2,
        ("audit", "mine.toml", "--fail-on", "kept<50%"),
    ),
    "a figure of CI": Mistake(
        nothing, ("there is no figure 'kept_shre'", "did you mean 'kept_share'?"), 2,
        ("audit", "mine.toml", "--fail-on", "kept_shre<0.5"),
    ),
    "tokenizer that is not there": Mistake(
        nothing, ("no file or folder models/olmo2 here", "hf download models/olmo2"), 2,
        ("fertility", "mine.toml", "--tokenizer", "models/olmo2"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose ``right`` has the recipe without mistakes, and its build."""
    folder = tmp_path_factory.mktemp("mistakes")
    right = folder / "right"
    right.mkdir()
    (right / "mine.toml").write_text(RECIPE, "utf-8")
    pairs(right)
    lines = [f'{{"text": "{t}"}}\n' for t in texts("eng_Latn") if '"' not in t]
    (right / "english.jsonl").write_text("".join(lines), "utf-8")
    out = right / "builds" / "mine"
    done = CliRunner().invoke(
        main, ["build", str(right / "mine.toml"), "--out", str(out), "--workers", "1"]
    )
    assert done.exit_code == 0, done.output
    assert "warning" not in done.stderr, "the recipe without mistakes has none"
    return folder


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered(name: str, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mistake = MISTAKES[name]
    folder = base / "wrong"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base / "right", folder, ignore=shutil.ignore_patterns("builds"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SEALDATA_MODELS", str(folder / "models"))
    mistake.change(folder)
    done = CliRunner().invoke(main, list(mistake.command))
    assert isinstance(done.exception, SystemExit | None), done.exception  # no traceback
    assert done.exit_code == mistake.code, done.output
    for piece in mistake.says:
        assert piece in done.stderr
    assert mistake.code == 0 or len(done.stderr.splitlines()[-1]) < 600, "one line"


def test_there_are_forty_and_more() -> None:
    assert len(MISTAKES) >= 40


@pytest.mark.parametrize("name", ["languages swapped", "two columns read as nine"])
def test_what_is_meant_is_allowed(name: str, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = base / "wrong"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base / "right", folder, ignore=shutil.ignore_patterns("builds"))
    monkeypatch.chdir(folder)
    MISTAKES[name].change(folder)
    finding = MISTAKES[name].says[0].partition("]")[0][1:]
    done = CliRunner().invoke(main, [*DRY_RUN, "--allow", finding, "--allow", "nothing-kept"])
    assert done.exit_code == 0, done.output
    assert f"warning: [{finding}] (allowed) source 'news'" in done.stderr


def test_a_warning_reaches_terminal_report_and_card(base: Path, tmp_path: Path) -> None:
    for path in (base / "right").glob("*.*"):
        shutil.copy(path, tmp_path)
    MISTAKES["a rule on a score that no source has"].change(tmp_path)
    command = ["build", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, [*command, "--workers", "1"])
    assert done.exit_code == 0, done.output
    said = "no sampled pair of any source has stored.margin"
    assert said in done.stderr
    for name in ("README.md", "report/index.html", "report/audit.json"):
        assert said in (tmp_path / "out" / name).read_text("utf-8"), name


def test_an_allowed_build_of_another_recipe_sets_the_old_card_aside(
    base: Path, tmp_path: Path
) -> None:
    for path in (base / "right").glob("*.*"):
        shutil.copy(path, tmp_path)
    shutil.copytree(base / "right/builds/mine", tmp_path / "out")
    card = tmp_path / "out/README.md"
    card.write_text(card.read_text("utf-8") + "\n## By hand\n\nSomchai.\n", "utf-8")
    recipe('name = "mine"', 'name = "new"')(tmp_path)
    command = ["build", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out")]
    command += ["--workers", "1", "--allow", "other-recipe"]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert "Somchai" not in card.read_text("utf-8")
    assert "Somchai" in (tmp_path / "out/set-aside/1-README.md").read_text("utf-8")


def test_records_of_progress_hold_the_warnings(base: Path, tmp_path: Path) -> None:
    for path in (base / "right").glob("*.*"):
        shutil.copy(path, tmp_path)
    MISTAKES["a rule on a score that no source has"].change(tmp_path)
    command = ["build", str(tmp_path / "mine.toml"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, [*command, "--workers", "1", "--json"])
    assert done.exit_code == 0, done.output
    records = [json.loads(line) for line in done.stderr.splitlines()]
    [warning] = [record["text"] for record in records if record["event"] == "warning"]
    assert warning.startswith("warning: [no-score] rule 'low': no sampled pair of any source")
