"""What is seen before the toolkit that draws the screen is imported."""
