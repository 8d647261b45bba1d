"""Claims checked on data: design, panel of people and index times, leaks, verdicts."""
