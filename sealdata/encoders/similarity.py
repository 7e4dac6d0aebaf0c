"""How alike two lists of sentence embeddings are, row by row."""

import numpy as np


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of the angle between row i of ``a`` and row i of ``b``: float32 [n] in [-1, 1].

    ``a`` and ``b`` are float32 [n, dim] of vectors of any length; the cosine of a zero vector is 0.
    """
    assert a.shape == b.shape, f"embeddings of shapes {a.shape} and {b.shape}"
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    dots = np.einsum("nd,nd->n", a, b)
    # Zero vectors would divide by zero; their cosine stays 0.
    cosines = np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)
    # Rounding may bring the cosine of equal vectors slightly above 1.
    clipped: np.ndarray = np.clip(cosines, -1, 1)
    return clipped.astype(np.float32, copy=False)
