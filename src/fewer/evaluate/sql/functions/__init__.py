"""How each engine says what SQL has no common word for: one table, one file an engine."""
