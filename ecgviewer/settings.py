"""What the viewer remembers from one start to the next."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from ecgviewer.services.recent import with_recent
from ecgviewer.state.theme import THEME_NAMES


class Settings:
    """The person's settings; ``is_kept`` False reads and writes nothing, as for a snapshot."""

    def __init__(self, *, is_kept: bool = True) -> None:
        scope = QSettings.Scope.UserScope
        self._store = QSettings(QSettings.Format.IniFormat, scope, "physioclr", "ecgviewer") if is_kept else None

    def _value(self, key: str, default: object) -> object:
        return default if self._store is None else self._store.value(key, default)

    def _set(self, key: str, value: object) -> None:
        if self._store is not None:
            self._store.setValue(key, value)

    @property
    def theme(self) -> str:
        """Name of the theme."""
        name = str(self._value("theme", THEME_NAMES[0]))
        return name if name in THEME_NAMES else THEME_NAMES[0]

    @theme.setter
    def theme(self, name: str) -> None:
        self._set("theme", name)

    @property
    def recent(self) -> list[str]:
        """Recently opened files, the newest first."""
        value = self._value("recent", [])
        return [str(each) for each in value] if isinstance(value, list) else [str(value)] if value else []

    def add_recent(self, path: Path) -> None:
        """Put a file in front of the recently opened ones."""
        self._set("recent", with_recent(self.recent, path))

    @property
    def has_seen_hints(self) -> bool:
        """Whether the first hints were dismissed; without kept settings they are never shown."""
        return self._store is None or str(self._value("has_seen_hints", "false")).lower() == "true"

    def set_hints_seen(self) -> None:
        """Never show the first hints again."""
        self._set("has_seen_hints", "true")

    @property
    def worklist_px(self) -> int | None:
        """Width of the worklist; None where the person never chose one."""
        text = str(self._value("worklist", ""))
        return int(text) if text.isdecimal() else None

    @worklist_px.setter
    def worklist_px(self, width_px: int) -> None:
        self._set("worklist", width_px)

    @property
    def window_geometry(self) -> QByteArray | None:
        """Size and place of the window."""
        value = self._value("window", None)
        return value if isinstance(value, QByteArray) else None

    @window_geometry.setter
    def window_geometry(self, value: QByteArray) -> None:
        self._set("window", value)
