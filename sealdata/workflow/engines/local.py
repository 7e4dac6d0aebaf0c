"""The local engine: tasks in processes of this machine, or in this process with one worker."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from sealdata.errors import DataError
from sealdata.files.records import PartRecord
from sealdata.workflow import task_progress
from sealdata.workflow.protocols import POLL, THREAD_VARIABLES, TaskSource
from sealdata.workflow.stage import Task


class LocalEngine:
    """Runs tasks in ``workers`` spawned processes (fork is unsafe with polars' threads).

    One pool serves the whole build, so that a worker loads a model once. Tasks that want a GPU run
    in a pool of their own: one process per GPU of the machine, which sees no other. With
    ``workers=1`` everything runs in this process, where a debugger can follow it.
    """

    def __init__(self, workers: int) -> None:
        assert workers >= 1
        self.workers = workers
        # Pools start with the first task that needs them: no GPU task, no processes for GPUs.
        self._pools: dict[bool, ProcessPoolExecutor] = {}  # by whether it is that of the GPUs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._pools:
            return
        # An ordinary error lets running tasks end, so that their parts are not lost.
        if kind is not None and not issubclass(kind, Exception):  # Ctrl-C, SIGTERM: do not wait
            # A killed task loses only its own part: its record would have been written last.
            for worker in multiprocessing.active_children():
                worker.terminate()
        for pool in self._pools.values():
            # This waits for tasks that run. Those that have not begun are dropped.
            pool.shutdown(cancel_futures=True)
        self._pools.clear()

    def run(self, source: TaskSource) -> Iterator[tuple[Task, list[PartRecord]]]:
        """Yield tasks and their records as they finish.

        Raises:
            DataError: a worker process died (most often: killed for want of memory).
            SealError: what a task raised; tasks already running are allowed to finish.
        """
        # GPU tasks run here too, on the first GPU.
        if self.workers == 1:
            yield from _in_turn(source)
            return
        running: dict[Future[list[PartRecord]], Task] = {}
        try:
            # Threads times workers is the number of cores. Left to themselves, libraries start one
            # per core in every worker.
            threads = max(1, (os.cpu_count() or 1) // self.workers)
            yield from _in_pools(self._pool_of, threads, source, running)
        except BrokenProcessPool:
            # A broken pool accepts nothing more, so ``__exit__`` must not wait for it.
            self._pools.clear()
            # The pool does not say whose process died, so the message names one of the stages.
            unfinished = sorted({task.folder.name for task in running.values()})
            raise DataError(
                f"a worker process died in {', '.join(unfinished[:1])} (most often the system "
                "killed it for want of memory); finished parts are kept: run again, with fewer "
                "--workers"
            ) from None

    def _pool_of(self, task: Task) -> ProcessPoolExecutor:
        gpus = visible_gpus() if task.num_gpus else []
        if bool(gpus) not in self._pools:  # without a GPU the task itself says what is missing
            self._pools[bool(gpus)] = _make_pool(len(gpus) or self.workers, gpus)
        # One process per GPU: two encoders on one GPU would share its memory.
        return self._pools[bool(gpus)]


def visible_gpus() -> list[str]:
    """The GPUs of this machine that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    # torch counts the GPUs that exist and are visible; the variable may name others as well.
    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    # The names are passed on as they are: they may be UUIDs instead of numbers.
    return named.split(",")[:count] if named else [str(number) for number in range(count)]


def _in_turn(source: TaskSource) -> Iterator[tuple[Task, list[PartRecord]]]:
    # First in, first out: parts are processed in the order in which they were read.
    waiting: deque[Task] = deque()
    while True:
        waiting.extend(source())
        if not waiting:
            return
        task = waiting.popleft()
        # Asking the source during a task shows its progress, and queues what the task has made
        # ready.
        with task_progress.on_poll(lambda: waiting.extend(source())):
            records = task()
        yield task, records


def _in_pools(
    pool_of: Callable[[Task], ProcessPoolExecutor],
    threads: int,
    source: TaskSource,
    running: dict[Future[list[PartRecord]], Task],
) -> Iterator[tuple[Task, list[PartRecord]]]:
    """Yield results as they come; on the first error cancel what has not begun and raise it."""
    while True:
        tasks = list(source())
        # A pool starts its processes at ``submit``, not when it is made.
        with _uninterruptible_children(), _few_threads(threads):
            running.update((pool_of(task).submit(task), task) for task in tasks)
        # The source had nothing new and nothing runs: there is no one left to make new tasks.
        if not running:
            return
        # With a timeout, because a running reader makes tasks ready without finishing itself.
        finished, _ = wait(running, timeout=POLL, return_when=FIRST_COMPLETED)
        for future in finished:
            error = future.exception()
            # Tasks that are running cannot be cancelled. Their records reach the disk and are found
            # later.
            if error is not None:
                for other in running:
                    other.cancel()
                raise error
            # Removed before the caller sees it: what remains in ``running`` is unfinished.
            yield running.pop(future), future.result()


def _make_pool(workers: int, gpus: Sequence[str]) -> ProcessPoolExecutor:
    # A forked child would inherit locks that polars' threads hold at that instant.
    context = multiprocessing.get_context("spawn")
    begun = context.Value("i", 0)  # workers, each of which takes the next GPU
    return ProcessPoolExecutor(
        workers,
        mp_context=context,
        initializer=_begin_worker,
        initargs=(gpus, begun),
    )


@contextmanager
def _uninterruptible_children() -> Iterator[None]:
    """Processes started within leave Ctrl-C to the parent, from their first instruction on.

    SIGTERM waits until they have started. A child whose parent stopped halfway gets no orders, and
    reports that as an error of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signals
        return
    # A terminal sends Ctrl-C to the whole process group. An ignored signal stays ignored in a
    # child.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    terminated: list[int] = []
    # A handler is not passed on to a child, unlike a blocked signal: `terminate` still ends it.
    on_term = signal.signal(signal.SIGTERM, lambda number, _frame: terminated.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, on_term)
        if terminated:
            os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _few_threads(threads: int) -> Iterator[None]:
    """Libraries of processes started within start so many threads each."""
    # Polars reads the variable when it is imported, and a worker imports it before it runs anything
    # of ours. The variables must be there when the process starts.
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin_worker(gpus: Sequence[str], begun: Any) -> None:
    """Prepare a worker: it ends with its parent, even if the parent was killed, and sees no GPU of
    another worker."""
    # A daemon thread does not keep a worker from ending in the ordinary way.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if gpus:
        # Workers start at the same time, so the counter is shared and locked. CUDA reads the
        # variable when it is first used, which is later than this.
        with begun.get_lock():
            os.environ["CUDA_VISIBLE_DEVICES"] = gpus[begun.value % len(gpus)]
            begun.value += 1


def _end_with_parent() -> None:
    """A part may take hours, and no one would use what an orphan makes of it."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "runs in a worker"
    # Returns when the parent is gone, however it ended: the kernel closes the parent's pipe.
    parent.join()
    # The main thread may be inside native code for hours. A thread can end it in no softer way.
    os._exit(1)
