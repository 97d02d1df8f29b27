"""Whole datasets beside each other: compared, merged."""
