"""Checks on a data set before anything is trained on it.

`examine.examine` looks at every file and returns an `Examination`; `summary.summary` words it for a terminal;
`guess.propose` finds the settings for a folder without a description.
"""

NEUTRAL = True  # they refuse and warn; what is prepared does not depend on them
