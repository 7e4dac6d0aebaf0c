"""Numbers that are not finite, in the JSON that runs write: a string, as JSON has no other way.

NaN is "NaN", infinity is "Infinity" and minus infinity "-Infinity".
"""

import json
import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Saved(BaseModel):
    """A model that is written as JSON and read again; any number survives the round trip."""

    # The default writes null, which no field of a number accepts when it is read.
    model_config = ConfigDict(ser_json_inf_nan="strings")


def _nan_of_null(value: Any) -> Any:
    return math.nan if value is None else value


# A number that was measured. Earlier versions wrote null for NaN and for infinity.
Number = Annotated[float, BeforeValidator(_nan_of_null)]

_NAMES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def to_json(value: Any, **options: Any) -> str:
    """JSON that any reader accepts, of values that may hold numbers that are not finite."""
    return json.dumps(_spelt(value), allow_nan=False, **options)


def numbers_of(values: dict[str, Any]) -> dict[str, Any]:
    """The values of one JSON object, with the numbers that `to_json` wrote as strings."""
    return {k: _NAMES.get(v, v) if isinstance(v, str) else v for k, v in values.items()}


def _spelt(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return next(name for name, number in _NAMES.items() if str(number) == str(value))
    if isinstance(value, dict):
        return {key: _spelt(item) for key, item in value.items()}
    return [_spelt(item) for item in value] if isinstance(value, list | tuple) else value
