"""Results that do not show how many threads there are."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread_per_operation() -> Iterator[None]:
    """Split no operation over threads: the number of threads would show in the last bits."""
    # A sum split among threads is added in another order, and floating point shows the order.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        # The setting is global to the process, and callers may rely on theirs.
        torch.set_num_threads(before)
