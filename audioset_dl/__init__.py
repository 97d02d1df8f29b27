"""Download a quality-controlled part of Google's AudioSet: exact 10-second WAVs with a manifest."""

__version__ = "0.1.0"
