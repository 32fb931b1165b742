"""PhysioCLR: contrast guided by physiology, heartbeat shuffling, and reconstruction with attention to peaks."""
