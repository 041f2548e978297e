"""What turns a stage's `main` into a command that both engines can run, interrupt and repeat."""

NEUTRAL = True  # it runs what computes
