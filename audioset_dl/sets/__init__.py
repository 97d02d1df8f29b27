"""Work on whole datasets: compare them, merge them."""
