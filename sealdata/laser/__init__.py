"""LASER sentence encoders, read from their published files with torch and sentencepiece alone."""
