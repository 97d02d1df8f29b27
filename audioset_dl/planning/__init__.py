"""What a download would cost: clips, losses, space, requests, time."""
