"""Training objectives: what a network is asked to do, one module each."""
