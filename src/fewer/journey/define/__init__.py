"""Step 2: definitions checked against the data, sized, and proposals when a size is off."""
