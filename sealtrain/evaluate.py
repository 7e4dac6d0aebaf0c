"""What a checkpoint can do: translation into and out of English, and bits per byte of text."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from pydantic import AliasChoices, BaseModel, Field, ValidationError

from sealtrain import data, parallel
from sealtrain.checkpoint import replace_text
from sealtrain.data import Ids
from sealtrain.errors import ConfigError, DataError
from sealtrain.output_checks import OutputChecks, check_outputs
from sealtrain.references import digest, read_refs, take_shots
from sealtrain.scores import ENGLISH, Score, score
from sealtrain.translate import Loaded, translate
from sealtrain.validate import TextLoss, byte_lengths, text_loss, validate

Say = Callable[[str], None]
FOLDER = "evaluations"  # in a run's folder: one file per checkpoint, references and shots


class Direction(BaseModel):
    """One direction: what came out, how good it is and what is wrong with it."""

    score: Score
    output_checks: OutputChecks = Field(validation_alias=AliasChoices("output_checks", "signs"))
    outputs: list[str]


class Evaluation(BaseModel):
    """Everything measured on one checkpoint; kept in its run, so that runs can be compared."""

    checkpoint: str
    step: int
    refs: str
    refs_sha256: str
    num_shots: int
    directions: list[Direction]
    text: dict[str, TextLoss]
    """Loss by text: `REFS/LANGUAGE` of each language trained on, and the held-out replay."""
    skipped: list[str]
    """Languages of the references that the training shards do not name."""


def evaluate(
    loaded: Loaded, refs: Path, max_sentences: int | None, say: Say, num_shots: int = 0
) -> Evaluation:
    """Translate the references both ways, score them, and measure the loss on their text.

    The first `num_shots` lines become the examples of every prompt and are not scored.

    Raises:
        DataError: references that are missing, not aligned or too few.
    """
    shots, texts = take_shots(read_refs(refs, max_sentences), num_shots)
    if loaded.record.template is None:
        raise ConfigError(f"{loaded.folder} was trained on no parallel text: it has no prompt")
    known = [code for code in texts if code in loaded.record.language_names]
    others = [code for code in known if code != ENGLISH]
    if ENGLISH not in known or not others:
        raise DataError(f"{refs}: needs English and one more language that was trained on")
    directions = []
    for other in others:
        for src, tgt in ((ENGLISH, other), (other, ENGLISH)):
            outputs = translate(loaded, texts[src], src, tgt, shots)
            found = score(outputs, texts[tgt], src, tgt)
            directions.append(
                Direction(score=found, output_checks=check_outputs(outputs, tgt), outputs=outputs)
            )
        say(f"translated {len(texts[other])} sentences of {other} both ways")
    return Evaluation(
        checkpoint=str(loaded.folder),
        step=loaded.record.step,
        refs=str(refs),
        refs_sha256=digest(texts),
        num_shots=num_shots,
        directions=directions,
        text={f"{refs.name}/{code}": _sentences_loss(loaded, texts[code]) for code in known}
        | _held_out_replay(loaded, say),
        skipped=[code for code in texts if code not in known],
    )


def keep(evaluation: Evaluation) -> Path:
    """Write an evaluation into its run's folder; the same checkpoint, references and shots again
    replace it."""
    checkpoint = Path(evaluation.checkpoint)
    name = f"{checkpoint.name}.{evaluation.refs_sha256[:8]}.{evaluation.num_shots}-shot.json"
    path = checkpoint.parent.parent / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, evaluation.model_dump_json(indent=1))
    return path


def kept(run: Path) -> list[Evaluation]:
    """The evaluations in a run's folder, oldest checkpoint first.

    Raises:
        DataError: a file there is none.
    """
    found = []
    for path in sorted((run / FOLDER).glob("*.json")):
        try:
            found.append(Evaluation.model_validate_json(path.read_bytes()))
        except ValidationError:
            raise DataError(f"{path}: not an evaluation of this version; delete it") from None
    return sorted(found, key=lambda e: (e.step, e.refs, e.num_shots))


def _sentences_loss(loaded: Loaded, sentences: list[str]) -> TextLoss:
    """Loss of a language's sentences, each on its own."""
    record, batches = loaded.record, _sentence_batches(loaded, sentences)
    lengths, world = byte_lengths(loaded.folder / "tokenizer"), parallel.start()
    return text_loss(loaded.model, batches, record.eos_id, record.config.train, lengths, world)


def _held_out_replay(loaded: Loaded, say: Say) -> dict[str, TextLoss]:
    """Loss of the English replay held out, where the shards are at hand."""
    shards = loaded.record.config.shards
    if not shards.is_dir():
        say(f"no shards at {shards}: held-out replay is not measured")
        return {}
    streams = data.open_streams(shards, "validation")
    streams = [
        s for s in streams if (s.manifest.kind, s.manifest.languages) == ("replay", [ENGLISH])
    ]
    if any(s.manifest.tokenizer.sha256 != loaded.record.digests["tokenizer"] for s in streams):
        raise DataError(f"{shards}: another tokenizer than this checkpoint was trained with")
    config, tokenizer = loaded.record.config, loaded.folder / "tokenizer"
    return validate(loaded.model, streams, config, tokenizer, parallel.start())


def _sentence_batches(loaded: Loaded, sentences: list[str]) -> Iterator[tuple[Ids, Ids]]:
    """Ids and labels, a sentence a row and filled up with EOS; its first token is given."""
    eos_id, size = loaded.record.eos_id, loaded.record.config.train.micro_batch_sequences
    encoded = loaded.tokenizer.encode_batch(sentences, add_special_tokens=False)
    for start in range(0, len(encoded), size):
        batch = [e.ids for e in encoded[start : start + size]]
        ids_BS = np.full((len(batch), max(map(len, batch)) + 1), eos_id, dtype=np.int64)
        for row, ids in zip(ids_BS, batch, strict=True):
            row[: len(ids)] = ids
        yield ids_BS, data.labels_of(ids_BS, eos_id)
