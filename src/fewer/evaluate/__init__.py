"""Who is in a segment: definitions planned, compiled and run."""
