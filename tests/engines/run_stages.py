"""Runs the stages of a tree one after another in this one process: torch is imported once, not once per stage.

python run_stages.py LINES      (in the tree's root; LINES: a JSON file with the commands, in order)
"""

from __future__ import annotations

import importlib
import json
import os
import shlex
import sys
from pathlib import Path

sys.path.insert(0, os.getcwd())  # noqa: PTH109  # the tree's own code

if __name__ == "__main__":
    from scaler.pipeline.job import run_stage

    for line in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        _, _, module, *arguments = shlex.split(line)
        run_stage(module.removeprefix("stages."), importlib.import_module(module).main, arguments)
