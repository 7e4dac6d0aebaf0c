"""What comes from the internet: corpora, their cards, pretrained models."""
