"""A pack in other people's formats: GeoPackage, GeoJSON, CSV, Croissant."""
