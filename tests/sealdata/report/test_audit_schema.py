"""A reader of audit.json can rely on its ``format``."""

import hashlib
import json
from typing import Any

import pytest

from sealdata.errors import DataError
from sealdata.report.schema import FORMAT, AuditFacts

# Digests of the JSON schema by format. Raise FORMAT and add an entry; never change one.
DIGESTS = {3: "72bf2e82e31d89d9", 4: "743b6d0e8748b1ec", 5: "801d36c3a51c8064"}


def outline(schema: Any) -> Any:
    """The schema without the words that explain it."""
    if isinstance(schema, dict):
        return {
            name: outline(value)
            for name, value in schema.items()
            if not (name in ("title", "description") and isinstance(value, str))
        }
    return [outline(value) for value in schema] if isinstance(schema, list) else schema


def test_a_changed_schema_has_a_format_of_its_own() -> None:
    schema = outline(AuditFacts.model_json_schema())
    schema["properties"]["format"] = {}
    digest = hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()[:16]
    assert DIGESTS.get(FORMAT) == digest, (
        "audit.json changed, its manifest included: raise FORMAT in sealdata/report/schema.py, add "
        f"{{{FORMAT + 1}: {digest!r}}} above, and say in docs/explanation/audit.md what is new"
    )


def test_facts_of_an_earlier_format_say_what_to_do() -> None:
    message = "audit.json is of format 3, this version reads 5: run sealdata audit again"
    with pytest.raises(DataError, match=f"^{message}$"):
        AuditFacts.model_validate({"format": 3, "twins": []})
    with pytest.raises(DataError, match=f"^{message}$"):
        AuditFacts.model_validate_json('{"format": 3, "twins": []}')
