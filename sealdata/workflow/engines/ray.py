"""The Ray engine: tasks on the machines of a cluster that share one file system."""

import logging
import os
import secrets
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sealdata import __version__
from sealdata.errors import ConfigError, DataError, SealError
from sealdata.files.records import PartRecord
from sealdata.workflow.protocols import POLL, THREAD_VARIABLES, TaskSource
from sealdata.workflow.stage import Task

RETRIES = 3  # of a task whose process or machine was lost; safe, for tasks write whole files only
# Libraries read these at their start. One thread each, because Ray runs one task per core.
# For a connection to the address, before Ray's own, slower attempts.
_KNOCK_SECONDS = 10.0
# For the answer of a machine, which may first have to start a process and import sealdata.
_PROBE_SECONDS = 120.0


class RayEngine:
    """Runs tasks on a Ray cluster, one per core, or on a Ray of its own on this machine.

    ``address`` (or the variable RAY_ADDRESS) names a running cluster. Without one, a Ray with
    ``workers`` cores starts here and ends with the build.

    Data goes through files only. Every machine must see ``out`` and ``inputs`` at the same paths
    and have this version of sealdata. That is checked on each machine at the start.
    """

    def __init__(
        self, workers: int, out: Path, inputs: Sequence[Path] = (), address: str | None = None
    ) -> None:
        self.workers = workers
        self.out = out
        # Workers have other working directories, so relative paths would lead elsewhere.
        self.inputs = [path.absolute() for path in inputs]
        self.address = address or os.environ.get("RAY_ADDRESS")

    def __enter__(self) -> Self:
        """Connect and look at every machine.

        Raises:
            DataError: no cluster at the address, or a machine that does not share the files.
        """
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is reported to anyone
        # With an address the cluster decides on its cores; ``workers`` counts only without one.
        where: dict[str, Any] = {"address": self.address}
        if self.address is None:
            where = {"address": "local", "num_cpus": self.workers, "include_dashboard": False}
        else:
            _knock(self.address)
        # Set by Ray before a worker starts, so that every library of it sees them.
        threads = dict.fromkeys(THREAD_VARIABLES, "1")
        try:
            ray.init(
                **where,
                runtime_env={"env_vars": threads},
                # What tasks print would break the progress display. Errors arrive as results.
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, ValueError, RuntimeError, RayError) as error:
            # Ray explains itself in paragraphs; the first line has the cause.
            what = str(error).strip().splitlines()[0]
            raise DataError(f"no Ray cluster at {self.address or 'this machine'}: {what}") from None
        try:
            self._look_at_machines()
        except BaseException:
            # ``__exit__`` is not called if ``__enter__`` raises, and a Ray started here would stay.
            ray.shutdown()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ray.shutdown()  # what still runs is ended: a killed task leaves nothing half-written

    def run(self, source: TaskSource) -> Iterator[tuple[Task, list[PartRecord]]]:
        """Yield tasks and their records as they finish.

        Raises:
            DataError: the process of a task was lost, and ``RETRIES`` times again.
            SealError: what a task raised.
        """
        # Ray's references stand for results that do not exist yet.
        running: dict[Any, Task] = {}
        gpus = _Gpus()
        try:
            while True:
                for task in source():
                    # CPU tasks are queued by Ray. GPU tasks wait here until an actor is idle.
                    if task.num_gpus:
                        gpus.waiting.append(task)
                    else:
                        running[_run.remote(task)] = task
                # Called in each round: an actor may have become idle, or a machine may have joined.
                running |= gpus.start()
                if not running:
                    return
                # With a timeout, because a running reader makes tasks ready without finishing
                # itself.
                finished, _ = ray.wait(list(running), num_returns=1, timeout=POLL)
                for reference in finished:
                    task = running.pop(reference)
                    # Before the result is read: the actor is idle again even if its task failed.
                    gpus.ended(reference)
                    yield task, _result(reference, task)
        finally:
            # Also if the caller stops early. An actor that is left would keep its GPU.
            gpus.close()

    def _look_at_machines(self) -> None:
        """Have a task on every machine read a token from ``out`` and leave one there."""
        # A random name and content: another disk mounted at the same path cannot have them.
        folder = self.out.absolute() / f".shared-{secrets.token_hex(8)}"
        folder.mkdir(parents=True)
        token = folder / "token"
        try:
            token.write_text(secrets.token_hex(8))
            for node in _machines():
                # Not ``soft``: an answer from another machine would prove nothing.
                here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                answer = _look.options(scheduling_strategy=here).remote(
                    token, node["NodeID"], self.inputs
                )
                name = str(node["NodeManagerHostname"])
                self._check_machine(name, _answer(name, answer), token, node["NodeID"])
        finally:
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    def _check_machine(
        self, name: str, answer: tuple[str, str, list[str]], token: Path, node: str
    ) -> None:
        # The version comes first: another release may answer in another form.
        version, read, missing = answer
        if version != __version__:
            raise DataError(f"machine {name} has sealdata {version}, this one {__version__}")
        # Both directions: the machine must see what is written here, and the reverse.
        if read != token.read_text() or not token.with_name(f"seen-{node}").exists():
            raise DataError(
                f"machine {name} does not see {self.out.absolute()} as this one does. Put it on "
                "a file system that all machines mount at the same path"
            )
        if missing:
            raise DataError(
                f"machine {name} does not see {missing[0]} as this one does ({len(missing)} such "
                "files); inputs and models must be where all machines find them"
            )


class _Gpus:
    """One actor for each GPU of the cluster, with which it stays until there is no more to do: it
    loads an encoder once. (A process of Ray's own pool may be lent another GPU for its next task,
    but CUDA goes on computing on the first.)"""

    def __init__(self) -> None:
        self.waiting: deque[Task] = deque()
        # An actor is in ``_idle`` or is a value of ``_busy``, never both.
        self._idle: list[Any] = []
        self._busy: dict[Any, Any] = {}  # reference of a result -> actor

    def start(self) -> dict[Any, Task]:
        """Begin as many of the waiting tasks as GPUs are idle: reference -> task.

        Raises:
            ConfigError: there is no GPU in the cluster.
        """
        begun: dict[Any, Task] = {}
        # The queue is asked first: an actor must not be started for nothing.
        while self.waiting and (actor := self._actor()):
            task = self.waiting.popleft()
            reference = actor.run.remote(task)
            self._busy[reference] = actor
            begun[reference] = task
        return begun

    def ended(self, reference: Any) -> None:
        """A result is there: its actor is idle."""
        if actor := self._busy.pop(reference, None):
            self._idle.append(actor)

    def close(self) -> None:
        """Give the GPUs back."""
        for actor in (*self._idle, *self._busy.values()):
            # This also prevents the restart that the options of the actor ask for.
            ray.kill(actor)

    def _actor(self) -> Any:
        if self._idle:
            return self._idle.pop()
        # Asked each time, because machines with GPUs may join during a build.
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        num_gpus = int(resources.get("GPU", 0))
        if not num_gpus:
            raise ConfigError(
                'device = "cuda": no machine of the Ray cluster has a GPU; use device = "cpu"'
            )
        # No actor is idle here, so the busy ones are all that exist.
        room = len(self._busy) < num_gpus
        return _GpuWorker.remote() if room else None  # type: ignore[attr-defined]


def _knock(address: str) -> None:
    """Whether anything listens at HOST:PORT; Ray itself would wait a minute for it, and talk."""
    # ``ray://HOST:PORT`` and ``HOST:PORT`` both end in the port.
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if not port.isdecimal():
        return  # "auto", or a name of Ray's own
    try:
        socket.create_connection((host, int(port)), timeout=_KNOCK_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise DataError(f"no Ray cluster at {address}: {error}") from None


def _machines() -> list[dict[str, Any]]:
    """The machines that take tasks; a head without cores takes none."""
    # Ray also lists machines that have left.
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in nodes if node["Alive"] and node["Resources"].get("CPU", 0) > 0]


def _answer(name: str, reference: Any) -> tuple[str, str, list[str]]:
    try:
        answer: tuple[str, str, list[str]] = ray.get(reference, timeout=_PROBE_SECONDS)
    except RayError as error:
        # Most often an ImportError: sealdata is not installed on that machine.
        cause = str(getattr(error, "cause", None) or error).strip().splitlines()[0]
        raise DataError(
            f"machine {name} cannot run tasks ({cause}); it needs the Python packages of this one"
        ) from None
    return answer


# No core is asked for, so that the check does not wait on a busy cluster.
@ray.remote(num_cpus=0)  # type: ignore[untyped-decorator]
def _look(token: Path, node: str, inputs: list[Path]) -> tuple[str, str, list[str]]:
    """The version of sealdata, the token ("" if it is not seen), and the inputs not seen."""
    missing = [str(path) for path in inputs if not path.exists()]
    try:
        read = token.read_text()
        token.with_name(f"seen-{node}").touch()
    except OSError:
        read = ""
    return __version__, read, missing


# ``max_calls=0``: a process is not replaced after some calls, so it loads a model once.
@ray.remote(max_retries=RETRIES, max_calls=0)  # type: ignore[untyped-decorator]
def _run(task: Task) -> list[PartRecord] | SealError | OSError:
    return _outcome(task)


# No core of its own: with as many GPUs as cores, nothing else could run at the same time.
@ray.remote(num_gpus=1, num_cpus=0, max_restarts=-1, max_task_retries=RETRIES)  # type: ignore[untyped-decorator]
class _GpuWorker:
    def run(self, task: Task) -> list[PartRecord] | SealError | OSError:
        return _outcome(task)


def _outcome(task: Task) -> list[PartRecord] | SealError | OSError:
    """The records, or the error that a user can mend: Ray would wrap it in a page of its own."""
    try:
        return task()
    except (SealError, OSError) as error:
        return error


def _result(reference: Any, task: Task) -> list[PartRecord]:
    try:
        # A reference of ``ray.wait`` is ready, so this does not block.
        result: list[PartRecord] | SealError | OSError = ray.get(reference)
    except RayTaskError:
        raise  # a bug of ours, with the traceback of where it happened
    except RayError as error:
        what = type(error).__name__
        raise DataError(
            f"a worker process was lost in {task.folder.name} ({what}; most often killed for want "
            "of memory); finished parts are kept: run again, with more memory per core"
        ) from None
    # The error of the task itself, raised here as the local engine would raise it.
    if isinstance(result, BaseException):
        raise result
    return result
