"""Definitions in YAML, JSON, Python and plain words, with the place of every error."""
