"""What things are: events, people, windows, conditions, segments, goals. Pure data."""
