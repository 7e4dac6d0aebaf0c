"""A lexicon learnt from the corpus itself, and what it says of a pair."""
