"""How a command shows its progress: as bars, lines or records, on stderr or in a file."""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO, TypeVar, get_args

from sealdata.files.records import PartRecord
from sealdata.workflow.progress_records import Records
from sealdata.workflow.progress_views import Bars, Lines, View
from sealdata.workflow.protocols import Progress
from sealdata.workflow.step_progress import StepProgress
from sealdata.workflow.steps import Step

T = TypeVar("T")
Mode = Literal["auto", "bars", "lines", "json", "off"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class ProgressOptions:
    """How a command shows its progress, as ``--progress``, ``--quiet`` and ``--progress-file`` say.

    ``auto`` is bars on a terminal and lines elsewhere. Records go to ``file`` besides.
    """

    mode: Mode = "auto"
    file: Path | None = None

    @contextmanager
    def open(
        self, command: str, steps: Sequence[Step] = (), stream: TextIO | None = None
    ) -> Iterator[Progress]:
        """The progress of one run; ``stream`` is stderr by default.

        Raises:
            OSError: the file cannot be written.
        """
        stream = sys.stderr if stream is None else stream
        with ExitStack() as stack:
            views = self._views(stream, stack)
            progress = StepProgress(views, steps)
            with running(views, command, steps):
                yield progress
                progress.close()

    def _views(self, stream: TextIO, stack: ExitStack) -> list[View]:
        mode = self.mode
        if mode == "auto":
            mode = "bars" if stream.isatty() else "lines"
        views: list[View] = []
        shown: dict[str, Callable[[TextIO], View]] = {"bars": Bars, "lines": Lines, "json": Records}
        if mode in shown:
            views.append(shown[mode](stream))
        if self.file is not None:
            views.append(Records(stack.enter_context(self.file.open("a", encoding="utf-8"))))
        records = [view for view in views if isinstance(view, Records)]
        if records:
            handler = _Warnings(records, plain=mode != "json")
            logger = logging.getLogger("sealdata")
            logger.addHandler(handler)
            stack.callback(logger.removeHandler, handler)
        return views


@contextmanager
def running(views: Sequence[View], command: str, steps: Sequence[Step] = ()) -> Iterator[None]:
    """Opens the views, and tells them at the end how the block ended."""
    for view in views:
        view.open(command, steps)
    status = "interrupted"  # by a signal, unless one of the lines below is reached
    try:
        yield
        status = "done"
    except Exception:
        status = "failed"
        raise
    finally:
        # After an error too: a live display would overwrite the message.
        for view in views:
            view.close(status)


class _Warnings(logging.Handler):
    """Passes warnings of the package on to records."""

    def __init__(self, records: Sequence[Records], plain: bool) -> None:
        super().__init__(logging.WARNING)
        self._records = records
        self._plain = plain  # they are printed too, as without this handler

    def emit(self, record: logging.LogRecord) -> None:
        """Write the warning."""
        for view in self._records:
            view.warn(record.getMessage())
        # Python prints warnings itself only where there is no handler at all.
        if self._plain and not logging.getLogger().handlers and logging.lastResort is not None:
            logging.lastResort.handle(record)


def counted(progress: Progress, stage: str, items: Sequence[T]) -> Iterator[T]:
    """``items``, one after another; ``progress`` sees how many are done."""
    progress.begin(stage)
    try:
        if items:
            progress.expect(stage, len(items), 0)
        for number, item in enumerate(items):
            yield item
            progress.part_done(stage, PartRecord(part=str(number), rows_in=0, rows_out=0))
    finally:
        progress.end(stage)


@contextmanager
def working(progress: Progress, stage: str) -> Iterator[None]:
    """The block is one part of ``stage``."""
    for _ in counted(progress, stage, [stage]):
        yield
