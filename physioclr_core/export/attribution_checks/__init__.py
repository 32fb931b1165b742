"""Whether what is drawn as "why" depends on what the network learnt, and agrees with other ways to ask it.

One command: ``python -m physioclr_core.export.attribution_checks RUN --json OUT --page PAGE``.
"""
