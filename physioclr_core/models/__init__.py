"""Encoders (torch)."""
