"""PhysioCLR's science: reading, physiology, training, inference and search of 12-lead ECGs. No Qt."""

__version__ = "0.1.0"
