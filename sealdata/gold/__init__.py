"""Gold: what a recipe does to human translations, and to defects made of them."""
