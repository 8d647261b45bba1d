"""One check a file, each named on one line under the entry-point group `fewer.checks`."""
