"""A dataset that people use: built, described, verified, audited, compared, published."""
