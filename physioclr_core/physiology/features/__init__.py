"""The physiological feature vector: what an ECG measures, as 150 named numbers, and how alike two of them are."""
