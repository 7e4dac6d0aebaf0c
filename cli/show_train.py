"""The table that `sealtrain run` prints at its end: held-out loss by language and direction."""

from sealtrain.checkpoint import Record
from sealtrain.scores import ENGLISH
from sealtrain.validate import TextLoss

from .tables import table


def validation_table(record: Record) -> str:
    """Loss before and after training: pairs by language and direction, then all other streams."""
    keys = [key for key in record.after if key in record.before]
    parallel = [key for key in keys if record.after[key].kind == "parallel"]
    others = [key for key in keys if key not in parallel]
    parts = ["held-out loss, nats per label"]
    if parallel:
        head = ["language", "from English before", "after", "to English before", "after"]
        parts.append(table(head, _language_rows(record, parallel)))
    if others:
        head = ["stream", "loss before", "after", "bits per byte before", "after"]
        rows = []
        for key in others:
            before, after = record.before[key], record.after[key]
            values = before.loss, after.loss, before.bits_per_byte, after.bits_per_byte
            rows.append([key, *(f"{value:.3f}" for value in values)])
        parts.append(table(head, rows))
    return "\n\n".join(parts)


def _language_rows(record: Record, keys: list[str]) -> list[list[str]]:
    """A row per language with its two directions side by side, and a last row over all of them."""
    rows: dict[str, dict[bool, list[str]]] = {}  # keys of streams, by "from English"
    for key in keys:
        loss = record.after[key]
        from_english = loss.languages[0] == ENGLISH
        other = int(from_english)  # index of the language that is not English
        label = f"{loss.language_names[other]} ({loss.languages[other]})"
        for row in (label, "all"):
            rows.setdefault(row, {True: [], False: []})[from_english].append(key)
    rows["all"] = rows.pop("all")  # to the end
    cells = []
    for row, directions in rows.items():
        means = [
            _mean([losses[key] for key in directions[from_english]])
            for from_english in (True, False)
            for losses in (record.before, record.after)
        ]
        cells.append([row, *means])
    return cells


def _mean(losses: list[TextLoss]) -> str:
    """Loss per label over some streams; a dash for none."""
    num_labels = sum(loss.num_labels for loss in losses)
    return f"{sum(x.loss * x.num_labels for x in losses) / num_labels:.3f}" if losses else "-"
