"""Before a test: what it can show, how long it takes, what it costs."""
