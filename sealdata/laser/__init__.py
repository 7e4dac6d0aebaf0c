"""LASER sentence encoders, read from their published files with only torch and sentencepiece."""
