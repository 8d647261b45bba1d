"""The object behind every way in: `Project`, its jobs and its runs."""
