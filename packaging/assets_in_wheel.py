"""Let the top-level `assets` folder travel in the wheel, as `physioclr_core/_assets`, and in the source archive.

It stays outside the packages in the source tree, because people edit it and other programs read it. setuptools finds
this class through `[tool.setuptools.cmdclass]` in pyproject.toml.
"""

from __future__ import annotations

from pathlib import Path

from setuptools.command.build_py import build_py

SOURCE = Path("assets")
TARGET = Path("physioclr_core", "_assets")


class BuildPyWithAssets(build_py):
    """Build the packages, and put the assets beside them."""

    def run(self) -> None:
        """Build; an editable install finds the assets in the source tree and gets no copy."""
        super().run()
        if self.editable_mode:
            return
        for source, target in self._assets():
            target.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(source), str(target), preserve_mode=False)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """List what the build makes, the assets included."""
        outputs = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else outputs + [str(target) for _, target in self._assets()]

    def get_source_files(self) -> list[str]:
        """List what the source archive needs, so that a wheel can be built from it."""
        build_files = [Path(__file__).relative_to(Path.cwd()), Path("packaging", "constraints.txt")]
        return super().get_source_files() + [str(path) for path in [*build_files, *(s for s, _ in self._assets())]]

    def _assets(self) -> list[tuple[Path, Path]]:
        files = sorted(path for path in SOURCE.rglob("*") if path.is_file() and path.name != ".DS_Store")
        return [(path, Path(self.build_lib, TARGET, path.relative_to(SOURCE))) for path in files]
