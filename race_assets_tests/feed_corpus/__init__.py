"""Headers of public greyhound files over invented rows, and how well a suggested feed fits each."""
