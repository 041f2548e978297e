"""Where weights files come from."""
