"""The reference library of similar ECGs."""
