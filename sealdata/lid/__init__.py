"""Language identification with fastText models: which language is a text in, and how surely."""
