"""The user's data set: reading and checking files, splits, which images are labelled, marks, one size for all."""
