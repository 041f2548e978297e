"""The pages that show a run, and the one that shows a data set's faults.

All read numbers from one place and look alike: `table.measure` measures a `scaler.artifacts.run.Run` once, `story` puts
it into words, `pictures` encodes images, `assets` holds the style and the chart kit. Others call
`report.page.build_report` and `report.tables.sidecar_texts` (one HTML file and its tables),
`inspection.content.Content` with `inspection.bake` or `inspection.serve` (a folder, or a server), and
`check.build_page`, and `comparison.write_tables` for the tables of a study.
"""
