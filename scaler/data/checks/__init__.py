"""Checks on a data set."""
