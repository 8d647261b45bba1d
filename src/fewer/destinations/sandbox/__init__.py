"""Stand-ins for platforms, on this machine only: what they say is simulated."""
