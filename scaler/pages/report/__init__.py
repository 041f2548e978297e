"""The report: one HTML file on a whole run, with its tables beside it."""
