"""What is on disk: layout, journal, manifest, lock file, verification."""
