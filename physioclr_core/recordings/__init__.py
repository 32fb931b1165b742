"""Recordings of hours and days: read where they are looked at, with extremes kept at several scales."""
