"""What AudioSet is: its ontology, quality ratings, class indices and segments, and their files."""
