"""Official checkpoints: which there are, where they lie on this machine, and how they get there. Torch-free."""
