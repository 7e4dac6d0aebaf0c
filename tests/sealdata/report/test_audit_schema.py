"""Whoever reads audit.json can tell by its ``format`` what to expect."""

import hashlib
import json
from typing import Any

from sealdata.report.schema import FORMAT, AuditFacts

# Of each format's JSON schema. A line is never changed, only added, with FORMAT raised.
DIGESTS = {3: "72bf2e82e31d89d9", 4: "899c133ed57e811e"}


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
        f"{{{FORMAT + 1}: {digest!r}}} above, and say in docs/audit.md what is new"
    )
