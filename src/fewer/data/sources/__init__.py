"""Readers of source files: one row becomes events, people, items, lists or reports."""
