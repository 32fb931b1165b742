"""Words that come from a file are shown as they are: Qt takes whatever looks like HTML for HTML, images and all."""

from __future__ import annotations

import html


def plain_tooltip(text: str) -> str:
    """Return a text for ``setToolTip`` that is never taken for HTML of its own."""
    if "<" not in text:
        return text
    return f'<p style="white-space: pre-wrap">{html.escape(text, quote=False)}</p>'
