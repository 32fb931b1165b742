"""What the window shows, without Qt: paper, layout, header texts, findings."""
