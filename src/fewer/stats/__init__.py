"""Sums in, estimates with intervals out; vectorised over segments. Pure arithmetic."""
