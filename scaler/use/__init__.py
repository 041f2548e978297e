"""What comes after a run: predictions for any image, scores of any predictions, and exported models.

- `model.load_model`: a trained model, from an artifact or from an exported folder.
- `predict.Predictor`: maps of images, folders and videos (`sources.find_sources`); large images in `tiles`.
- `scoring.score_pairs`: the field's metrics of files that `pairs.pair_folders` found; `tables` prints them.
- `export.export_model`: a folder with safetensors, ONNX or a torch.export program, and a model card.
"""
