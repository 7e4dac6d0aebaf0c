"""Continual pretraining of a causal language model on packed token shards, small and exact."""
