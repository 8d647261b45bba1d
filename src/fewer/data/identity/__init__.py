"""Who is who: identifiers normalised, hashed and joined into people."""
