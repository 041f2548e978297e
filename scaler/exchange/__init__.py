"""Annotations in and out: the formats of annotation tools, from and to the general form of a data set."""
