"""A finished test in one table, as an A/B tool or a colleague hands it over."""
