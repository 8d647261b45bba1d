"""Step 4: layered exclusions, with who was removed and why."""
