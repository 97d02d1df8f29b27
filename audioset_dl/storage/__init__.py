"""Files that appear whole or not at all, tables, locks, free space. Knows nothing of AudioSet."""
