"""The `fewer` command; one file for each group of commands."""
