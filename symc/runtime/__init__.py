"""Runs compiled networks with NumPy and the standard library alone."""
