"""Networks behind two protocols: segmenters and foundation models (`protocols`).

Others call `segmenter.build_segmenter` and `foundation.build_foundation`, which find a network by its name in
`params.yaml`; `prompts.Prompts` is what a foundation model is prompted with. `names` lists the networks without torch.
"""
