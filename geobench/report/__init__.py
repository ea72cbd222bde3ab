"""The page of a run: results and packs in, one HTML file out."""
