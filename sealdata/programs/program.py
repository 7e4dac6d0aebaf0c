"""A program that answers each line with one line: its options, its identity, and its answers."""

import os
import shutil
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import polars as pl
from pydantic import Field

from sealdata.component import Component
from sealdata.errors import ConfigError, DataError
from sealdata.files.frames import slices
from sealdata.files.records import file_sha256
from sealdata.programs.run import Result, RunSettings, run_lines

MAX_BYTES = 8 << 20  # of text in a run
_PROBED = 16  # lines that a program is asked a second time
_SHOWN = 80  # characters of a line in a message
# What a program gets of the environment of this process; the rest comes from `env`.
_INHERITED = ("PATH", "HOME", "TMPDIR")
_LOCALE = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8"}

# Programs that have answered lines of this process the same way in another order.
_probed: set[str] = set()


class LineProgram(Component):
    """A program that reads lines in UTF-8 from stdin and prints one line for each to stdout.

    It runs once per batch, and its end of input is that of the batch. It must answer each line by
    itself: an answer must not depend on other lines. A run that crashes is repeated ``retries``
    times. No shell is involved. Its environment is PATH, HOME, TMPDIR, a locale in UTF-8, and
    ``env``.
    """

    # the program and its arguments; paths start at `cwd`
    command: list[str] = Field(min_length=1)
    # further files that it reads, such as models: their content is a part of the build's key
    files: list[str] = []
    env: dict[str, str] = {}  # further variables of its environment
    # folder that it runs in; absent: that of the recipe
    cwd: str | None = None
    timeout: float = Field(600, gt=0)  # seconds that a run may take
    retries: int = Field(2, ge=0)  # how often a run that crashed is repeated
    batch_lines: int = Field(
        10_000, ge=1
    )  # lines in a run, at most; the answers do not depend on it

    def in_folder(self, folder: Path) -> Self:
        """The program with its folder, found and with all its files.

        Raises:
            ConfigError: the program or one of ``files`` is not there.
        """
        placed = self.model_copy(update={"cwd": str(folder / (self.cwd or ""))})
        placed.outside_files()
        return placed

    @property
    def folder(self) -> Path:
        """Where the program runs, and where its relative paths start."""
        return Path(self.cwd or "").absolute()

    def outside_files(self) -> list[Path]:
        """The program, the arguments that name files, and ``files``.

        Raises:
            ConfigError: the program or one of ``files`` is not there.
        """
        if not self.folder.is_dir():
            raise ConfigError(f"command {self.command[0]!r}: there is no folder {self.folder}")
        name = self.command[0]
        program = shutil.which(str(self.folder / name) if "/" in name else name)
        if program is None:
            where = f"is not a program in {self.folder}" if "/" in name else "is not on the PATH"
            raise ConfigError(
                f"command {name!r} {where}; install it, or make the file executable (chmod +x)"
            )
        named = [self.folder / argument for argument in self.command[1:]]
        listed = [self.folder / name for name in self.files]
        for path in listed:
            if not path.is_file():
                raise ConfigError(f"command {name!r}: files names {path}, which is not a file")
        return [Path(program), *(path for path in named if _is_file(path)), *listed]

    def fingerprint(self) -> dict[str, Any]:
        """Command, environment, and the digest of every file; not where they lie, nor how lines
        are sent."""
        left_out = {"files", "cwd", "timeout", "retries", "batch_lines"}
        params = self.model_dump(mode="json", exclude=left_out)
        return {
            "version": self.version,
            **params,
            "sha256": list(map(file_digest, self.outside_files())),
        }

    def answers(self, lines: pl.Series) -> pl.Series:
        """The answer to each line, String, in order. ``lines`` hold no LF and no null.

        Raises:
            DataError: the program failed, or its answers are not one line of UTF-8 for each.
        """
        batches = [self._batch(batch) for batch in self._batches(lines)]
        return pl.concat(batches) if batches else pl.Series(lines.name, [], pl.String)

    def _batches(self, lines: pl.Series) -> Iterator[pl.Series]:
        for part in slices(lines.to_frame("line"), ["line"], MAX_BYTES):
            for start in range(0, part.height, self.batch_lines):
                yield part["line"][start : start + self.batch_lines]

    def _batch(self, lines: pl.Series) -> pl.Series:
        result = self._run(lines)
        for _ in range(self.retries):
            if result.crashed:
                result = self._run(lines)
        if result.crashed:
            result = result._replace(problem=f"{result.problem}; {self._culprit(lines)}")
        if result.problem:
            raise self._error(result.problem)
        answers = self._decoded(result.lines, lines)
        self._probe(lines, answers)
        return answers

    def _run(self, lines: pl.Series) -> Result:
        data = f"{lines.str.join(chr(10)).item()}\n".encode()
        # The program is sought in the PATH that it gets itself.
        env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        command = [str(self.outside_files()[0]), *self.command[1:]]
        settings = RunSettings(command, self.folder, env | _LOCALE | self.env, self.timeout)
        return run_lines(settings, data, lines.len())

    def _culprit(self, lines: pl.Series) -> str:
        """Which line a program crashes on, found by halves: about log2(lines) runs."""
        left = lines
        while left.len() > 1:
            half = left[: left.len() // 2]
            left = half if self._run(half).crashed else left[half.len() :]
        if self._run(left).crashed:
            return f"it crashes on the line {_shown(left[0])}"
        return f"it crashes on no single line of the {lines.len():,}: lower batch_lines"

    def _decoded(self, answers: list[bytes], lines: pl.Series) -> pl.Series:
        try:
            return pl.Series(lines.name, b"\n".join(answers).decode().split("\n"), pl.String)
        except UnicodeDecodeError:
            bad = next(index for index, line in enumerate(answers) if not _is_utf8(line))
            raise self._error(
                f"answered {answers[bad][:_SHOWN]!r} to {_shown(lines[bad])}, which is not UTF-8"
            ) from None

    def _probe(self, lines: pl.Series, answers: pl.Series) -> None:
        """Ask some lines again, in the reverse order: an answer must depend on its line only."""
        key = repr((self.command, self.env, self.cwd))
        if key in _probed:
            return
        drawn = pl.DataFrame({"line": lines, "answer": answers}).unique("line", keep="first")
        drawn = drawn.sort("line").head(_PROBED).reverse()
        again = self._run(drawn["line"])
        if again.problem:
            raise self._error(again.problem)
        other = self._decoded(again.lines, drawn["line"])
        for line, first, second in zip(drawn["line"], drawn["answer"], other, strict=True):
            if first != second:
                raise self._error(
                    f"answered {_shown(first)} and then {_shown(second)} to {_shown(line)}; "
                    "an answer must depend on nothing but its line"
                )
        _probed.add(key)

    def _error(self, problem: str) -> DataError:
        return DataError(f"program {' '.join(self.command)!r} {problem}")


def one_line(text: pl.Expr) -> pl.Expr:
    """The text without null and with a space for each line break, so that it is one line."""
    return text.fill_null("").str.replace_all(r"[\r\n]", " ")


@lru_cache(maxsize=256)
def _digest(path: Path, size: int, changed: int) -> str:
    return file_sha256(path)


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a program or file, computed once for each content of it."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # an argument may be too long for a path, or have a null byte
        return False


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
