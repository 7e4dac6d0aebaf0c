"""Components from outside the package: found, checked by contract tests, and listed."""
