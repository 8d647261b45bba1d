"""Rules of the linter, one file for each group."""
