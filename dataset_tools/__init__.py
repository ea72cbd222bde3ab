"""From a GPS fix to a finished pack: tracks, sequences, imagery, pairing, splits.

Nothing here imports torch or the other three packages.
"""
