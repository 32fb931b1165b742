"""Signal processing: resampling, filters and quality; scipy is imported inside functions."""
