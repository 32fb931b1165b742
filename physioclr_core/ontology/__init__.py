"""Label systems and the table between them: SCP statements, SNOMED CT, the merged CinC classes, CPSC's text codes."""
