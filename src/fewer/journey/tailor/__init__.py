"""Step 3: a message for each segment and each person's latest action."""
