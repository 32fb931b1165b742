"""Datasets and labels for training (torch allowed here)."""
