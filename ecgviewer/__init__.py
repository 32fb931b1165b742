"""Desktop application to review ECGs, for research use only."""
