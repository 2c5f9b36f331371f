"""Networks from shots to image, and what may vary in them."""
