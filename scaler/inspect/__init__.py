"""The inspection page: every image, every round, what the two models said and what was made of it."""
