"""Tracks and pictures in, frames out: readers, cleaning, resampling, matching.

`formats.read_tracks` reads any track, `exif.read_pictures` a drive's pictures,
`clean.clean` says what of it can be used.
"""
