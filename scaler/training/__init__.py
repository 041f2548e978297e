"""The training loop and what carries it: batches, checkpoints, devices. It knows no equation."""
