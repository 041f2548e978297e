"""The training loop and what carries it. It knows no equation but the mean teacher's (eq 15).

- `run.TrainingRun`: what a training stage works with, in one record; `sets`: its images and labels
- `loop`: the loop, resumable to the byte; `sampling`, `schedule`: which images a step sees and how fast it learns
- `batches`: images and labels in the frame of the weak augmentation; `prompting`: what SAM is prompted with
- `prediction`: `Inference`, a model in use; `ema`: the mean teacher
- `device`, `lease`: where to compute; `state`, `checkpoints`: what is kept of a model, and its artifacts
"""
