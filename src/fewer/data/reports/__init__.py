"""Readers of ad performance reports: impressions, clicks, spend, conversions."""
