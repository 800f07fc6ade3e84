"""A robot's eyes, ears and a voice it can be interrupted in."""

__version__ = '0.1.0'
