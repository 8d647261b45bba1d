"""Plans turned into SQLGlot trees; no text of SQL is built here."""
