"""What can be said of one image's labels at one stop, and of how they move from stop to stop.

Labels are (S, S) uint8 = round(255 p); p >= 0.5 is foreground. Truth is {0, 1}; marks are {0 unknown, 1 foreground,
2 background}.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
STILL = 0.01  # a change of IoU by no more than this is no movement


def components(inside: Bool) -> int:
    """The number of objects: connected parts, diagonal neighbours included."""
    return cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)[0] - 1


def marks_agreement(inside: Bool, marks: U8) -> float | None:
    """Share of the marked pixels on the side that their mark gives; None without marks."""
    marked = marks > 0
    count = int(np.count_nonzero(marked))
    return None if count == 0 else int(np.count_nonzero(inside[marked] == (marks[marked] == 1))) / count


def oscillation(series: Sequence[float]) -> int:
    """How often a series turns round: changes of direction between steps larger than `STILL`.

    Of the IoUs of each stop's label with the last one's: 0 where the label went straight to what it became.
    """
    steps = [b - a for a, b in pairwise(series) if abs(b - a) > STILL]
    return sum((a > 0) != (b > 0) for a, b in pairwise(steps))
