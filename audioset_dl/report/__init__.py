"""What commands say, as text and as JSON. Returns strings and prints none of them."""
