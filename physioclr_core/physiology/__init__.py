"""Beats and what is measured on them."""
