"""The page that explains every measurement, with a figure on a real ECG for each.

``python -m physioclr_core.export.measurement_page [OUT]`` writes it again from the demo ECGs.
"""
