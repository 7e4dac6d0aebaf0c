"""The contract tests of a plugin file: each component in it, check by check."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from sealdata.cleaners import Cleaner
from sealdata.component import Component, load
from sealdata.errors import ConfigError
from sealdata.plugins.contract import (
    Check,
    Result,
    cleaner_checks,
    metric_checks,
    run_checks,
    scorer_checks,
)
from sealdata.plugins.loading import Classes
from sealdata.plugins.metric import Metric
from sealdata.plugins.reader_contract import reader_checks
from sealdata.readers import Reader
from sealdata.scorers import Scorer


def checks_of(cls: type[Component], options: Mapping[str, Any]) -> Iterator[tuple[str, Check]]:
    """The checks of a scorer, cleaner, reader or metric, made with ``options``."""
    if issubclass(cls, Scorer):
        return scorer_checks(cls, options)
    if issubclass(cls, Cleaner):
        return cleaner_checks(cls, options)
    if issubclass(cls, Metric):
        return metric_checks(cls, options)
    assert issubclass(cls, Reader), cls
    return reader_checks(cls, options)


def check_plugins(
    classes: Classes, options: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, list[Result]]]:
    """The results of each component of a plugin file, under "scorer NAME".

    ``options`` are those of the components that require any: name -> options.

    Raises:
        ConfigError: options of a component that the file lacks, or wrong or missing ones.
    """
    names = [name for named in classes.values() for name in named]
    if unknown := [name for name in options if name not in names]:
        raise ConfigError(f"--options: no component {unknown[0]!r}; it has {', '.join(names)}")
    for kind, named in classes.items():
        for name, cls in named.items():
            try:
                load(kind, name, options.get(name, {}), {kind: {name: partial(_same, cls)}})
            except ConfigError as error:
                raise ConfigError(f"{error}; options are given by --options") from None
    for kind, named in classes.items():
        for name, cls in named.items():
            results = run_checks(checks_of(cls, options.get(name, {})))
            yield f"{kind.removesuffix('s')} {name}", results


def _same(cls: type[Component]) -> type[Component]:
    return cls
