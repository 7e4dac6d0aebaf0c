"""Parallel corpora in, audited pairs and packed token shards out."""

__version__ = "0.1.0"
