"""Where weights files come from."""

NEUTRAL = True  # it fetches files, whose checksums count themselves
