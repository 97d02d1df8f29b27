"""Which classes and which clips: filters, the seeded ranking, the draw, the plan."""
