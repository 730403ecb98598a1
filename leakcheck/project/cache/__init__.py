"""What is kept between runs, and whether it still holds."""
