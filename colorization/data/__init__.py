"""Photographs for training: where they come from and what is done to them."""
