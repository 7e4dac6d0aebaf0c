"""What `sealtrain run` prints in the end: held-out loss by language and direction."""

from sealtrain.checkpoint import Record
from sealtrain.scores import ENGLISH
from sealtrain.validate import TextLoss

from .tables import table


def validation_table(record: Record) -> str:
    """Loss in nats per label of each parallel language both ways, then of all other streams."""
    keys = [key for key in record.after if key in record.before]
    parallel = [key for key in keys if record.after[key].kind == "parallel"]
    others = [key for key in keys if key not in parallel]
    parts = ["held-out loss, nats per label"]
    if parallel:
        head = ["language", "from English before", "after", "to English before", "after"]
        parts.append(table(head, _language_rows(record, parallel)))
    if others:
        head = ["stream", "loss before", "after", "bits per byte before", "after"]
        pairs = [(key, record.before[key], record.after[key]) for key in others]
        numbers = [(key, x.loss, y.loss, x.bits_per_byte, y.bits_per_byte) for key, x, y in pairs]
        parts.append(table(head, [[key, *(f"{n:.3f}" for n in row)] for key, *row in numbers]))
    return "\n\n".join(parts)


def _language_rows(record: Record, keys: list[str]) -> list[list[str]]:
    """A row per language, its two directions side by side, and one over all languages."""
    rows: dict[str, dict[bool, list[str]]] = {}
    for key in keys:
        loss = record.after[key]
        is_from = loss.languages[0] == ENGLISH
        code, name = (x[int(is_from)] for x in (loss.languages, loss.language_names))
        for row in (f"{name} ({code})", "all"):
            rows.setdefault(row, {True: [], False: []})[is_from].append(key)
    rows["all"] = rows.pop("all")
    both = record.before, record.after
    return [
        [row, *(_mean([losses[key] for key in ways[w]]) for w in (True, False) for losses in both)]
        for row, ways in rows.items()
    ]


def _mean(losses: list[TextLoss]) -> str:
    """Loss per label over some streams."""
    num_labels = sum(loss.num_labels for loss in losses)
    return f"{sum(x.loss * x.num_labels for x in losses) / num_labels:.3f}" if losses else "-"
