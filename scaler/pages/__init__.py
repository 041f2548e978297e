"""The pages that show a run: report, inspection and check."""
