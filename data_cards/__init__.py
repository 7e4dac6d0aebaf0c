"""Data cards of upstream corpora; installed as package `sealcards` so that the program can read them."""
