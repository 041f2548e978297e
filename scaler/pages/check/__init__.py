"""The page of `check`."""
