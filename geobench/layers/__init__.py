"""Layers and trunks that several models share."""
