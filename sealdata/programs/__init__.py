"""External programs that score or clean text line by line, from stdin to stdout."""
