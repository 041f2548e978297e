"""Stands in for the package `scaler` when a stage is run as a file, and hands over to it at once.

`python stages/report.py` puts this folder, not the project, first on the path; so `import scaler` finds this file.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])
del sys.modules["scaler"]
import scaler  # noqa: E402, F401
