"""The stages of a build, one file each, and the rules that decide between them."""
