"""One test case for a whole table of static data; it names every value that fails."""

from collections.abc import Callable, Iterable
from typing import Any


def for_all(name: str, values: Iterable[Any]) -> Callable[[Callable[..., None]], Any]:
    """Call the test once with each value of its argument ``name``, and fail once for all."""
    table = list(values)
    assert table, f"{name} has no values"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(**others: Any) -> None:
            failures = []
            for value in table:
                try:
                    test(**others, **{name: value})
                except AssertionError as error:
                    failures.append(f"{name}={value}: {error}")
            assert not failures, "\n".join(failures)

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate
