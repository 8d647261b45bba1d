"""Conditions turned into distinct leaves, shared windows and words of explanation."""
