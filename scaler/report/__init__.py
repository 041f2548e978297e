"""The report: one self-contained page about a whole run, and the tables that the engines' tools read."""
