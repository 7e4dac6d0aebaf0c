"""Gold: what a recipe would do to human translations, and to noise planted among them."""
