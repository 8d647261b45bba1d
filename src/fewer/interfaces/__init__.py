"""Ways in: they parse, call the project, and show."""
