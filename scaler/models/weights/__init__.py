"""Official weights: the `registry`, the `store` and the project's links to it, and `download`."""

NEUTRAL = True  # it fetches files, whose checksums count themselves
