"""The paper's experiments at a size for CPUs; run by hand (`make experiments`), never by CI."""
