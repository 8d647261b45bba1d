"""Step 6: what segments led to, with intervals and an honest label."""
