"""The switch of the fast paths: `SCALER_PLAIN=attention,metrics` in the environment computes these the plain way.

attention: segment-anything's blocks as the package runs them, in place of `scaler.models.attention`.
bf16: float32 throughout, in place of bf16 autocast on devices that multiply bf16 fast.
labels: pictures of the artifacts inflated by HDF5, in place of libdeflate.
memory: freed memory goes back to the system at once, as the C library has it, while maps are scored.
metrics: the values of pysodmetrics, which must be installed, in place of `scaler.metrics`, but for IoU and Dice.
optimizer: Adam parameter by parameter, in place of the fused one.

Results are the same to within rounding, bf16's own where that is switched off, so no fingerprint knows of it; metrics:
where the toolbox and `scaler.metrics.measures` do not differ by definition.
"""

from __future__ import annotations

import os

NEUTRAL = True  # both ways give the same

VARIABLE = "SCALER_PLAIN"


def is_plain(path: str) -> bool:
    """Whether a fast path is switched off; the variable holds names from above, with commas between them, or "all"."""
    return bool({path, "all"} & {name.strip() for name in os.environ.get(VARIABLE, "").split(",")})
