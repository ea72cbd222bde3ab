"""The authors' released weights in our networks, strictly by name and shape."""

from geobench.weights.published import load_published

__all__ = ["load_published"]
