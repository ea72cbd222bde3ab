"""The page of a run: results, tables and packs in, one HTML file out."""
