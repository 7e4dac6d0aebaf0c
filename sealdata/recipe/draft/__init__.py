"""Drafts: a recipe written by looking at files, or at the filters of another tool."""
