"""The chosen classes and clips: filters, the seeded ranking, the draw, lists, known-gone clips."""
