"""Networks behind two protocols: segmenters and foundation models."""
