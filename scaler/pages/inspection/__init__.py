"""The inspection page: every image at every stop, baked into a folder or served from the artifacts."""
