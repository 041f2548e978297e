"""The one exception that is meant for the user."""

from __future__ import annotations


class ScalerError(Exception):
    """Something that the user can mend: the message says what was expected, what came, and what to do.

    Commands print the message without a traceback and exit with 1.
    """
