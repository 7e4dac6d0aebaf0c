"""Files on disk: written atomically, described by records, known by their digests."""
