"""The key of a build: a hash of all that can change its results."""

from sealdata import __version__
from sealdata.files.digests import Digests
from sealdata.files.places import locate
from sealdata.files.records import stage_key
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.streams import open_table, token_files
from sealdata.shards.token_files import identified


def build_key(plan: Plan, digests: Digests, limit: int | None) -> str:
    """Names the results: the recipe, every component with its models, every input file's bytes."""
    recipe = plan.recipe
    readers = [plan.reader(table) for table in recipe.source]
    readers += [plan.reader(table) for table in recipe.document_streams]
    files = [path for reader, source in readers for path in reader.files(source.path)]
    files += [file.path for file in plan.evaluation_files()]
    # Lists of takedowns and evaluation sets change what is dropped, so their bytes count too.
    files += [locate(name, plan.base) for name in recipe.exclude.lists]
    taken = [identified(token_files(plan, t), digests.sha256) for t in recipe.token_streams]
    params = {
        # The resolved recipe, in which defaults are spelled out: a changed default is a changed
        # build.
        "recipe": recipe.model_dump(mode="json"),
        "components": plan.fingerprints(),
        "tokenizers": [
            open_table(table, plan).fingerprint() for table in (recipe.tokenizer, *recipe.fertility)
        ],
        "limit": limit,
        # Where the files lie is in the result, and a relative path may come to mean another place.
        "token_files": [segment.path for files, _ in taken for segment in files.segments],
    }
    inputs = [digests.sha256(path) for path in files]
    inputs += [name for _, names in taken for name in names]
    # Each release has its own keys, because a report or card may look different after an update.
    return stage_key(__version__, 2, params, inputs)
