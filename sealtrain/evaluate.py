"""What a checkpoint can do: translation into and out of English, and bits per byte of text."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from pydantic import AliasChoices, Field, ValidationError

from sealtrain import data, parallel
from sealtrain.checkpoint import replace_text
from sealtrain.data import Ids
from sealtrain.errors import ConfigError, DataError
from sealtrain.output_checks import OutputChecks, check_outputs
from sealtrain.records import Saved
from sealtrain.references import digest, read_refs, take_shots
from sealtrain.scores import ENGLISH, Score, score
from sealtrain.translate import Loaded, translate
from sealtrain.validate import TextLoss, byte_lengths, text_loss, validate

Say = Callable[[str], None]
FOLDER = "evaluations"  # in a run's folder: a file for each checkpoint, references and shots


class Direction(Saved):
    """The translations of one direction, their scores and the checks of how they fail."""

    score: Score  # BLEU and chrF++ of the outputs
    # Evaluations saved by earlier versions say `signs`.
    output_checks: OutputChecks = Field(validation_alias=AliasChoices("output_checks", "signs"))
    outputs: list[str]  # in the order of the references, shots excluded; `compare` resamples them


class Evaluation(Saved):
    """Everything measured on one checkpoint; saved in its run, so that runs can be compared."""

    checkpoint: str  # its folder
    step: int  # of the checkpoint
    refs: str  # the folder
    refs_sha256: str  # of the sentences, shots included: only equal ones are compared
    num_shots: int  # examples before each prompt
    directions: list[Direction]
    text: dict[str, TextLoss]  # `REFS/LANGUAGE` of each trained language, and the held-out replay
    skipped: list[str]  # languages of the references that the training shards do not name


def evaluate(
    loaded: Loaded,
    refs: Path,
    max_sentences: int | None,
    say: Say,
    num_shots: int = 0,
    max_new_tokens: int | None = None,
) -> Evaluation:
    """Translate the references from and to English, score them, and measure the loss on them.

    The first `num_shots` lines are the examples of every prompt and are not scored. `say` gets a
    line of progress after each language. `max_new_tokens` replaces the limit of the checkpoint's
    config.

    Raises:
        ConfigError: the checkpoint was trained on no parallel text.
        DataError: the references are missing, not aligned or too few, or lack English or another
            trained language.
    """
    # Taken from the references themselves, so that shots are in the language and style of the test.
    shots, texts = take_shots(read_refs(refs, max_sentences), num_shots)
    if loaded.record.template is None:
        raise ConfigError(f"{loaded.folder} was trained on no parallel text: it has no prompt")
    # Without a name in the shards, there is no prompt for a language.
    trained = [code for code in texts if code in loaded.record.language_names]
    others = [code for code in trained if code != ENGLISH]
    if ENGLISH not in trained or not others:
        raise DataError(f"{refs}: needs English and one more language that was trained on")
    directions = []
    # Each language from and to English, like the pairs of training.
    for other in others:
        for src, tgt in ((ENGLISH, other), (other, ENGLISH)):
            outputs = translate(loaded, texts[src], src, tgt, shots, texts[tgt], max_new_tokens)
            directions.append(
                Direction(
                    score=score(outputs.texts, texts[tgt], src, tgt),
                    output_checks=check_outputs(outputs.texts, tgt, outputs.num_cut),
                    outputs=outputs.texts,
                )
            )
        say(f"translated {len(texts[other])} sentences from and to {other}")
    return Evaluation(
        checkpoint=str(loaded.folder),
        step=loaded.record.step,
        refs=str(refs),
        refs_sha256=digest(texts),
        num_shots=num_shots,
        directions=directions,
        # Bits per byte need no generation, so they also compare models that cannot translate yet.
        text={f"{refs.name}/{code}": _sentences_loss(loaded, texts[code]) for code in trained}
        | _held_out_replay(loaded, say),
        skipped=[code for code in texts if code not in trained],
    )


def keep(evaluation: Evaluation) -> Path:
    """Save an evaluation in its run's folder, and return the file.

    It replaces an earlier one of the same checkpoint, references and number of shots.
    """
    # RUN/checkpoints/step-N: two folders up is the run.
    checkpoint = Path(evaluation.checkpoint)
    name = f"{checkpoint.name}.{evaluation.refs_sha256[:8]}.{evaluation.num_shots}-shot.json"
    path = checkpoint.parent.parent / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    # A kill leaves the earlier evaluation or this one, never a part.
    replace_text(path, evaluation.model_dump_json(indent=1))
    return path


def kept(run: Path) -> list[Evaluation]:
    """The evaluations saved in a run's folder, oldest checkpoint first.

    Raises:
        DataError: a file in that folder is not an evaluation.
    """
    evaluations = []
    for path in sorted((run / FOLDER).glob("*.json")):
        try:
            evaluations.append(Evaluation.model_validate_json(path.read_bytes()))
        except ValidationError:
            raise DataError(f"{path}: not an evaluation of this version; delete it") from None
    # Names sort by checkpoint, then by digest; readers need steps first, then the references.
    return sorted(evaluations, key=lambda e: (e.step, e.refs, e.num_shots))


def _sentences_loss(loaded: Loaded, sentences: list[str]) -> TextLoss:
    """Loss on a language's sentences, each a document of its own."""
    # The same function as validation uses, so both figures mean the same.
    record, batches = loaded.record, _sentence_batches(loaded, sentences)
    lengths, world = byte_lengths(loaded.folder / "tokenizer"), parallel.start()
    return text_loss(loaded.model, batches, record.eos_id, record.config.train, lengths, world)


def _held_out_replay(loaded: Loaded, say: Say) -> dict[str, TextLoss]:
    """Loss on the held-out English replay; empty if the shards are not on this machine."""
    shards = loaded.record.config.shards
    # A checkpoint may have been copied to a machine without the shards.
    if not shards.is_dir():
        say(f"no shards at {shards}: the loss on held-out replay is not measured")
        return {}
    # Held-out English replay shows what the model forgot.
    streams = [
        stream
        for stream in data.open_streams(shards, "validation", loaded.record.config.allow_outside)
        if (stream.manifest.kind, stream.manifest.languages) == ("replay", [ENGLISH])
    ]
    # The folder may hold a later build, in which the same ids stand for other text.
    if any(s.manifest.tokenizer.sha256 != loaded.record.digests["tokenizer"] for s in streams):
        raise DataError(f"{shards}: not the tokenizer that this checkpoint was trained with")
    config, tokenizer = loaded.record.config, loaded.folder / "tokenizer"
    return validate(loaded.model, streams, config, tokenizer, parallel.start())


def _sentence_batches(loaded: Loaded, sentences: list[str]) -> Iterator[tuple[Ids, Ids]]:
    """Ids and labels, one sentence a row, padded with EOS.

    A sentence's first token is input only: there is no token before it to predict it from.
    """
    eos_id, size = loaded.record.eos_id, loaded.record.config.train.micro_batch_sequences
    encoded = loaded.tokenizer.encode(sentences)
    for start in range(0, len(encoded), size):
        batch = encoded[start : start + size]
        # One column more than the longest sentence, so that each row ends with at least one EOS.
        ids_BS = np.full((len(batch), max(map(len, batch)) + 1), eos_id, dtype=np.int64)
        for row, ids in zip(ids_BS, batch, strict=True):
            # A view into the array, so this fills it.
            row[: len(ids)] = ids
        yield ids_BS, data.labels_of(ids_BS, eos_id)
