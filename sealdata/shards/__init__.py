"""Shards: documents shuffled, packed into sequences of token ids, written and read back."""
