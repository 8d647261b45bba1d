"""Segments found in the data: features, an activity-adjusted search, confirmation, clusters."""
