"""The sanity check: is this recipe, with these files, likely to give what its user wants?

``--dry-run``, ``audit`` and ``build`` run it alike, on a sample of each source and stream.
"""
