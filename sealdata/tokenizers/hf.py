"""Any ``tokenizer.json``, through the ``tokenizers`` library."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sealdata.tokenizers import Encoded, Texts, Tokenizer, Vocabulary, flatten
from sealdata.tokenizers._json import json_spans, load_json


class HuggingFace(Tokenizer):
    """A tokenizer.json, encoded by the tokenizers library; right for all of them."""

    def fingerprint(self) -> dict[str, Any]:
        return super().fingerprint() | load_json(self.path, self.eos).changes

    @property
    def vocabulary(self) -> Vocabulary:
        return load_json(self.path, self.eos).vocabulary

    def encode(self, texts: Texts) -> Encoded:
        encoder = load_json(self.path, self.eos).encoder
        encodings = encoder.encode_batch_fast(list(texts), add_special_tokens=False)
        return flatten([encoding.ids for encoding in encodings])

    def spans(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return json_spans(load_json(self.path, self.eos), texts)

    def decode(self, ids: Sequence[int]) -> str:
        decoder = load_json(self.path, self.eos).decoder
        return str(decoder.decode(list(ids), skip_special_tokens=False))


COMPONENT = HuggingFace
