"""Evaluation sets, and how to find their sentences in training text."""
