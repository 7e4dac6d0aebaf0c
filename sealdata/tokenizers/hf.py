"""Any ``tokenizer.json``, through the ``tokenizers`` library."""

from collections.abc import Sequence

from sealdata.tokenizers import Encoded, Tokenizer, Vocabulary, flatten
from sealdata.tokenizers._json import load_json


class HuggingFace(Tokenizer):
    """A tokenizer.json, encoded by the tokenizers library; right for all of them."""

    @property
    def vocabulary(self) -> Vocabulary:
        return load_json(self.path, self.eos).vocabulary

    def encode(self, texts: Sequence[str]) -> Encoded:
        encoder = load_json(self.path, self.eos).encoder
        encodings = encoder.encode_batch_fast(list(texts), add_special_tokens=False)
        return flatten([encoding.ids for encoding in encodings])

    def decode(self, ids: Sequence[int]) -> str:
        decoder = load_json(self.path, self.eos).decoder
        return str(decoder.decode(list(ids), skip_special_tokens=False))


COMPONENT = HuggingFace
