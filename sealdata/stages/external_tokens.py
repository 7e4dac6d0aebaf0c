"""External tokens: a manifest for token files from elsewhere, which stay where they are."""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from sealdata.files.records import PartRecord
from sealdata.shards.manifest import Segment, write_stream_manifest
from sealdata.shards.token_files import begins_inside
from sealdata.stages.pack import STREAM, Layout, StreamLabel, label_facts, stream_manifest
from sealdata.tokenizers import Tokenizer
from sealdata.workflow.part_files import written
from sealdata.workflow.stage import Step


@dataclass(frozen=True)
class ReferenceTokenFiles(Step):
    """Writes ``STREAM/manifest.json`` under the stage's folder; nothing without a segment."""

    name: ClassVar[str] = "pack"
    version: ClassVar[int] = 2

    # The name of the stage is that of ``Pack``: both make streams, and their outputs are placed
    # alike.
    label: StreamLabel
    segments: tuple[Segment, ...]  # of this split
    num_sequences: int  # of both splits
    left_out: int  # tokens behind the last whole sequences, where this split counts them
    tokenizer: Tokenizer
    layout: Layout

    def params(self) -> dict[str, object]:
        """All that can change the manifest, except the content of the files."""
        return {
            "label": asdict(self.label),
            # Segments have paths and positions. The content is among the inputs, as a digest or a
            # sampled identity.
            "segments": [segment.model_dump(mode="json") for segment in self.segments],
            "num_sequences": self.num_sequences,
            "left_out": self.left_out,
            "tokenizer": [self.tokenizer.name, self.tokenizer.fingerprint()],
            "layout": asdict(self.layout),
        }

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Facts: those of ``Pack``; rows are sequences. Documents are not counted: None."""
        # A killed run may have left a manifest without a record.
        shutil.rmtree(folder / STREAM, ignore_errors=True)
        taken = sum(segment.num_sequences for segment in self.segments)
        counts: dict[str, Any] = {
            # Counting documents would read every file in full. None says "unknown", where 0 would
            # say "none".
            "num_documents": None,
            "num_tokens": taken * self.layout.sequence_length,
            # EOS after EOS may be padding or an empty document, so all tokens count as text.
            "num_padding": 0,
            "num_split_documents": None,
            "num_sequences": taken,
        }
        # A stream without sequences has no manifest, as a packed stream without documents has none.
        if taken:
            manifest = stream_manifest(
                self.label, self.tokenizer, self.layout, self.segments, counts
            )
            write_stream_manifest(manifest, folder / STREAM)
        # Rows in are the sequences of both splits, so the sums of the two streams tie.
        other = self.num_sequences - taken
        return PartRecord(
            part=part,
            rows_in=self.num_sequences,
            rows_out=taken,
            dropped={"other_split": other} if other else {},
            facts={
                "empty": not taken,
                **label_facts(self.label),
                **counts,
                "left_out_tokens": self.left_out,
                # Ranges that begin inside a document are allowed, but a reader of the manifest
                # should know.
                "cut_documents": sum(
                    begins_inside(segment, self.tokenizer.eos_id) for segment in self.segments
                ),
            },
            files=written(STREAM, folder),
        )
