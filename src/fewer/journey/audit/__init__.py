"""Step 1: which engagement points exist, and how far to trust them."""
