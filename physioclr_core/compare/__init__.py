"""Comparisons: arms against each other, and the tables and plots of their runs (torch)."""
