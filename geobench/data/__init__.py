"""From a pack to batches: pictures are prepared once, then gathered and augmented."""
