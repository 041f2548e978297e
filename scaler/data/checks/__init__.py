"""Checks on a data set."""

NEUTRAL = True  # they refuse and warn; what is prepared does not depend on them
