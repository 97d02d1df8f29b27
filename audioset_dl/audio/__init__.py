"""From bytes to WAV: running ffmpeg, cutting to the exact sample, checking what was written."""
