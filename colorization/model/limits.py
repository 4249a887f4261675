"""How far a person may go, for whoever asks before PyTorch is loaded."""

MAX_VARIANTS = 9
"""Colourings of one picture that can still be told apart."""
MAX_STRENGTH = 10.0
"""Factor on chroma; beyond, sRGB has ended everywhere."""
