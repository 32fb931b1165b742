"""Panels, bars and rows around the paper."""
