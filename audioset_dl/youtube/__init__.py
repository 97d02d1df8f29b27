"""All that touches yt-dlp: extraction, failure classes, cookies, and the pacing of an address."""
