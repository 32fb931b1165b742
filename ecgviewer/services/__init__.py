"""Use cases of the viewer, without Qt."""
