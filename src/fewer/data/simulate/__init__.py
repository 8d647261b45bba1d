"""A synthetic shop with planted truths, labelled as such wherever it appears."""
