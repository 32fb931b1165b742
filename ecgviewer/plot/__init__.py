"""ECG paper on the screen: grid, traces, labels and the views that hold them."""
