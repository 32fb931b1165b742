"""Work outside the window's thread: reading files, and the analysis worker."""
