"""What comes after a run: predictions for any image, scores of any predictions, models to take away."""
