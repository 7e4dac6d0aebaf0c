"""What every encoder returns for a list of texts."""

from typing import NamedTuple

import numpy as np


class Encoded(NamedTuple):
    """Embeddings of texts, and which of the texts were too long to be read to their end."""

    vectors: np.ndarray  # float32 [n, dim]
    truncated: np.ndarray  # bool [n]
