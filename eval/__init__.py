"""Evaluation: what a colorizer is worth. Judges pictures, knows no network."""
