"""What tokenizers make of languages: fertility, extended vocabularies, token budgets."""
