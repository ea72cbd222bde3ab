"""The training loop, its settings, its schedule and its checkpoints."""
