"""Browse: a page on this machine's own address over all pairs of a finished build."""
