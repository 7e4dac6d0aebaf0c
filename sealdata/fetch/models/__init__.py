"""Pretrained models by name: the catalogue, the folder they lie in, and fetching them."""
