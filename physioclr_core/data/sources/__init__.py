"""Where data sets keep records, patients, folds and labels; one module a layout."""
