"""Running work: stages keyed by all that can change their output, engines, progress."""
