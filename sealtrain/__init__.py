"""Continual pretraining of causal language models on packed token shards."""
