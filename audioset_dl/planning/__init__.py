"""What a download would cost: clips, losses, disk space, requests, time."""
