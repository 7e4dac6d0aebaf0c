"""Metrics of plugins: further figures of an audit, computed from its facts."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sealdata.component import Component


class Metric(Component):
    """Computes figures from the facts of an audit. Thresholds on them are checks of the user."""

    figures: ClassVar[dict[str, str]] = {}  # figure -> what it is: unit, range, direction

    def values(self, facts: Mapping[str, Any]) -> dict[str, float]:
        """The values of all ``figures``, from the content of ``audit.json``.

        A figure may have values by language too, under ``FIGURE.LANG``.
        """
        raise NotImplementedError
