"""Metrics with confidence intervals, calibration and thresholds."""
