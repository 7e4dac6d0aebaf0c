"""A recipe: one TOML file that says all that can change a result; its tables, and reading it."""
