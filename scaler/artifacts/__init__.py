"""Artifacts: everything that a run writes. This room alone knows paths, file names, data set names and fingerprints.

For others:

- `run.Run` reads a whole run, image by image; `paths` says where a run's files are.
- `splits`, `labels`, `models` and `evaluation` hold the layouts, each with its record and its readers and writers;
  `names` the names in them; `pictures` readers for pictures that stay on the disk.
- `sealing` writes an artifact with its header and checksums; `reading` opens one and refuses a damaged or foreign one;
  `writing` replaces any file in one step; `steps` keeps the checkpoint of an interrupted stage.
- `currency` answers whether an artifact is what parameters, code and inputs would give now; `code` is the part of
  the code in that answer, `filehash` that of what the user brought.
"""
