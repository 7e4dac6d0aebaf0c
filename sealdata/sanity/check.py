"""The sanity check itself: all findings on a recipe, said or raised."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from sealdata.build_manifest import Finding
from sealdata.errors import DataError
from sealdata.pipeline.plan import Plan
from sealdata.sanity.declared_language import (
    estimated_lengths,
    unjudged_languages,
    wrong_languages,
)
from sealdata.sanity.documents import nameless_documents
from sealdata.sanity.evaluation_sets import useless_sets
from sealdata.sanity.findings import NEVER_ALLOWED, check_allowed, with_allowed
from sealdata.sanity.inputs import missing_inputs, other_results
from sealdata.sanity.outcome import outcome, without_effect
from sealdata.sanity.samples import Samples, head_only, unreadable
from sealdata.sanity.text_quality import doubtful_text

Say = Callable[[Finding], None]


def say_nothing(finding: Finding) -> None:
    """For callers that read the findings in the manifest."""


def check(plan: Plan, out: Path, allow: Collection[str], say: Say) -> tuple[list[Finding], Samples]:
    """All findings on a recipe but those on its folder, and the samples that they rest on.

    Raises:
        MissingExtraError: a library that the recipe needs is not installed.
        ConfigError, DataError: see ``check_inputs`` and ``check_samples``.
    """
    plan.check_extras()
    check_inputs(plan, out, allow, say)
    samples = Samples(plan)
    return check_samples(plan, samples, allow, say), samples


def check_inputs(plan: Plan, out: Path, allow: Collection[str], say: Say) -> list[Finding]:
    """What needs no look into the text: absent files, and a folder of other results.

    Raises:
        ConfigError: ``allow`` has a name that no finding has.
        DataError: something is found after which a build is impossible or worthless.
    """
    check_allowed(allow)
    return _settled([*other_results(plan, out), *missing_inputs(plan)], allow, say)


def check_samples(plan: Plan, samples: Samples, allow: Collection[str], say: Say) -> list[Finding]:
    """What a sample of each source and stream shows: records, languages, scores, rules.

    Raises:
        DataError: as ``check_inputs``.
    """
    findings = [*samples.problems, *unreadable(plan, samples), *wrong_languages(plan, samples)]
    findings += unjudged_languages(plan)
    findings += estimated_lengths(plan)
    findings += [*doubtful_text(plan, samples), *useless_sets(plan), *without_effect(plan)]
    findings += outcome(plan, samples)
    findings += nameless_documents(plan, samples)
    findings += head_only(plan, samples)
    return _settled(findings, allow, say)


def _settled(findings: Iterable[Finding], allow: Collection[str], say: Say) -> list[Finding]:
    """The findings, all said; the first error is raised.

    Raises:
        DataError: there is an error that is not allowed.
    """
    settled = with_allowed(findings, allow)
    errors = [finding for finding in settled if finding.level == "error"]
    for finding in settled:
        if finding not in errors or len(errors) > 1:
            say(finding)
    if errors:
        others = f"; and {len(errors) - 1} more, listed above" * (len(errors) > 1)
        names = sorted({finding.name for finding in errors} - set(NEVER_ALLOWED))
        meant = "".join(f" --allow {name}" for name in names)
        cure = f". If it is meant:{meant}" * bool(names)
        raise DataError(f"{errors[0].with_example.rstrip('. ')}{others}{cure}")
    return settled
