"""Regions and time slots: what is drawn, matched, planned and read as a whole."""
