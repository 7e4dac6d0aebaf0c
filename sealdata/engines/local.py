"""The local engine: tasks in processes of this machine, or in this process with one worker."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from sealdata.errors import DataError
from sealdata.manifest import PartRecord
from sealdata.stage import POLL, Feed, Task


class LocalEngine:
    """Runs tasks in ``workers`` spawned processes (fork is unsafe beside polars' threads).

    One pool serves the whole build, so that a worker loads a model once. With ``workers=1``
    everything runs in this process, where a debugger can follow it.
    """

    def __init__(self, workers: int) -> None:
        assert workers >= 1
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is None:
            return
        if kind is not None and not issubclass(kind, Exception):  # Ctrl-C: do not wait for a part
            for worker in multiprocessing.active_children():
                worker.terminate()
        self._pool.shutdown(cancel_futures=True)
        self._pool = None

    def run(self, feed: Feed) -> Iterator[tuple[Task, list[PartRecord]]]:
        """Yield tasks and their records as they finish.

        Raises:
            DataError: a worker process died (most often: killed for want of memory).
            SealError: what a task raised; tasks already running are allowed to finish.
        """
        if self.workers == 1:
            yield from _in_turn(feed)
            return
        pool = self._pool = self._pool or _make_pool(self.workers)
        running: dict[Future[list[PartRecord]], Task] = {}
        try:
            yield from _in_pool(pool, feed, running)
        except BrokenProcessPool:
            self._pool = None
            unfinished = sorted({task.folder.name for task in running.values()})
            raise DataError(
                f"a worker process died in {', '.join(unfinished[:1])} (most often the system "
                "killed it for want of memory); finished parts are kept: run again, with fewer "
                "--workers"
            ) from None


def _in_turn(feed: Feed) -> Iterator[tuple[Task, list[PartRecord]]]:
    waiting: deque[Task] = deque()
    while True:
        waiting.extend(feed())
        if not waiting:
            return
        task = waiting.popleft()
        yield task, task()


def _in_pool(
    pool: ProcessPoolExecutor, feed: Feed, running: dict[Future[list[PartRecord]], Task]
) -> Iterator[tuple[Task, list[PartRecord]]]:
    """Yield results as they come; on the first error cancel what has not begun and raise it."""
    while True:
        with _uninterruptible_children():
            running.update((pool.submit(task), task) for task in feed())
        if not running:
            return
        finished, _ = wait(running, timeout=POLL, return_when=FIRST_COMPLETED)
        for future in finished:
            error = future.exception()
            if error is not None:
                for other in running:
                    other.cancel()
                raise error
            yield running.pop(future), future.result()


def _make_pool(workers: int) -> ProcessPoolExecutor:
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_worker,
        initargs=(threads,),
    )


@contextmanager
def _uninterruptible_children() -> Iterator[None]:
    """Processes started within leave Ctrl-C to the parent, from their first instruction on."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signals
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin_worker(threads: str) -> None:
    """Keep libraries that a worker imports later from starting a thread per core each."""
    for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = threads
