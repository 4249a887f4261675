"""Measures as pure functions on pictures: [B, 3, H, W] sRGB in [0, 1]."""
