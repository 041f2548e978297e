"""The commands of `python -m scaler`."""
