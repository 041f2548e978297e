"""Artifacts: sealed HDF5 files that say what they are, what they were made from, and whether they are whole."""
