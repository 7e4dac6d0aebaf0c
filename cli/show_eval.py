"""The tables of `sealtrain eval`: scores, checks of the outputs, and losses."""

from sealtrain.evaluate import Evaluation

from .tables import table


def report(evaluation: Evaluation) -> str:
    """Scores and output checks by direction, the signatures of the scores, and losses of text."""
    scores = [direction.score for direction in evaluation.directions]
    signatures = sorted({s.bleu_signature for s in scores})
    numbers = {signature: str(i) for i, signature in enumerate(signatures, start=1)}
    rows = []
    for direction in evaluation.directions:
        s, checks = direction.score, direction.output_checks
        shares = [
            checks.empty,
            checks.repetitive,
            checks.cut,
            checks.english,
            checks.other_language,
        ]
        rows.append(
            [
                f"{s.src} -> {s.tgt}",
                f"{s.bleu:.2f}",
                numbers[s.bleu_signature],
                f"{s.chrf:.2f}",
                *("-" if share is None else f"{share:.0%}" for share in shares),
            ]
        )
    head = ["direction", "BLEU", "signature", "chrF++", "empty", "repetitive", "cut", "English",
            "other"]  # fmt: skip
    losses = [
        [source, f"{loss.num_labels:,}", f"{loss.bits_per_byte:.3f}"]
        for source, loss in evaluation.text.items()
    ]
    parts = [
        f"{evaluation.checkpoint}, {scores[0].num_sentences} sentences a direction, "
        f"{evaluation.num_shots} shots",
        table(head, rows),
        "\n".join(
            [f"BLEU {number}: {signature}" for signature, number in numbers.items()]
            + [f"chrF++: {scores[0].chrf_signature}"]
            + [
                "empty, repetitive, cut by the limit of tokens, English, other language: shares of "
                "the outputs"
            ]
        ),
        table(["held-out text", "labels", "bits per byte"], losses),
    ]
    if evaluation.skipped:
        parts.append(f"not in the training shards, skipped: {', '.join(evaluation.skipped)}")
    return "\n\n".join(parts)
