"""The method, in the order of the paper. `docs/method.md` has every equation with its source and its options.

- eq 2-3: `ensemble`, the foundation model's label over K views
- eq 4-6, 9, 12's cases: `weighting`, how sure a label is
- eq 1, 9-10: `targets`, the pseudo-labels of a batch, weighted and sorted
- eq 7, 10-12: `refinement`, the robust loss on them
- eq 7, 14, 16-17: `losses`, the building blocks
- the consensus label P_G: `consensus`
- stage 1: `initialization`; stages 2 and 3: `phase_one` (eq 8, 13-14) and `phase_two` (eq 16-19)
- the stored labels of both models: `labelling`; images from which neither can learn: `cold_start`

Stages call `initialize_segmenter`, `initialize_sam`, `train_segmenter`, `train_sam`, each with one
`scaler.training.run.TrainingRun`, and `label_with_sam`, `label_with_segmenter`. No module here knows a path.
"""
