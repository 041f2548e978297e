"""The user's data set, from files to arrays; only `geometry`, `augment` and `zoom` import torch.

- `dataset.prepare`: a source to the three splits that training reads, and the truth apart from them.
- `folder.survey`: the samples of a source; `layouts`, `patterns` and `table` say where its files are, `split` and
  `groups` which image belongs where.
- `images.read_image`, `read_mask`, `read_marks`: the one reader of each; `decode` knows the file formats.
- `geometry`, `augment` and `zoom`: views of an image, with labels, and their inverse.
- `checks`: what is wrong or unusual in a source, and the settings that read a folder without a description.
"""
