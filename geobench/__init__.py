"""The harness: trains and measures models on packs, and knows none of them."""

__version__ = "0.1.0"
