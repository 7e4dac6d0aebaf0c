"""Does a source say which pairs belong together, where the recipe asks for documents of several?"""

from collections.abc import Iterator

from sealdata.build_manifest import Finding
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import SourceTable
from sealdata.sanity.findings import warning
from sealdata.sanity.inputs import named
from sealdata.sanity.samples import Samples
from sealdata.shards.neighbours import document_of


def nameless_documents(plan: Plan, samples: Samples) -> Iterator[Finding]:
    """Sources whose every pair becomes a document of its own, against ``document_pairs``."""
    if plan.recipe.format.document_pairs == 1:
        return
    for table, sample in samples.tables(plan):
        if not isinstance(table, SourceTable) or sample.good.is_empty():
            continue
        if sample.good.select(document_of().is_null().all()).item():
            message = (
                f"document_pairs = {plan.recipe.format.document_pairs} has no effect here: no pair "
                "names its page or document; see document_column, the address columns, or "
                "`documents` of the reader moses"
            )
            yield warning("no-documents", named(table), message)
