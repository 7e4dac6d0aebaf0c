"""Data cards of upstream corpora; installed as `sealcards`, so that the program can read them."""
