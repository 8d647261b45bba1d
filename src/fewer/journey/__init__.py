"""The steps from data to decision; none imports another."""
