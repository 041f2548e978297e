"""What turns a stage's `main` into a command that both engines can run, interrupt and repeat; presets, and studies.

A study (`study`) runs the cells of a `grid`, each in a process of its own (`cell`), by the commands that `plan` lists.
"""

NEUTRAL = True  # it runs what computes
