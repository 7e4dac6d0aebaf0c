"""Functions for notebooks and scripts; ``import sealdata`` offers them by name."""
