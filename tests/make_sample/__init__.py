"""Makes the bundled sample: its corpus, its tokenizers and its encoder."""
