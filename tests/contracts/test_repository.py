"""What the repository may hold."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILE_BYTES = 26_000_000
ROOT_NAMES = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "ecgviewer",
    "physioclr_core",
    "assets",
    "packaging",
    "tests",
}
# Home folders of the systems, and the usual work folders of servers and containers.
DEVELOPER_PATHS = [  # each starts with a fixed byte, which makes the search through large files fast
    re.compile(rb"/(?<![\w.:/~-]/)(?:home|Users|root|work|workspace|scratch)/[\w.-]+/?"),
    re.compile(rb":(?<=\b[A-Z]:)\\\\?Users\\\\?\w+"),
]
# Modules whose files execute code when they are opened.
CODE_IN_FILES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]  # a file may just have been deleted


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_root_holds_only_what_belongs_there(tracked: list[Path]) -> None:
    names = {path.relative_to(ROOT).parts[0] for path in tracked}
    assert sorted(name for name in names - ROOT_NAMES if not name.startswith(".")) == []


def test_packaging_is_no_package() -> None:
    # It would hide the library of that name from everything started in the root.
    assert not (ROOT / "packaging" / "__init__.py").exists()


def test_every_folder_of_the_packages_is_a_package(tracked: list[Path]) -> None:
    # The import rules do not see into others.
    sources = [path for path in tracked if path.suffix == ".py"]
    folders = {path.parent for path in sources if path.relative_to(ROOT).parts[0] in ("physioclr_core", "ecgviewer")}
    assert sorted(relative(folder) for folder in folders if folder / "__init__.py" not in tracked) == []


def test_no_file_names_a_path_of_someones_machine(tracked: list[Path]) -> None:
    # Binary files too: exporters like to write stack traces into models.
    found = [f"{relative(path)}: {match}" for path in tracked for match in developer_paths(path.read_bytes())]
    assert found == []


def developer_paths(content: bytes) -> list[str]:
    return sorted({match.group().decode() for path in DEVELOPER_PATHS for match in path.finditer(content)})


@pytest.mark.parametrize("path", ["/~home/ada/ecg", '"/~Users/ada/x.py', "(/~scratch/x/y", r"C:~\Users\ada"])
def test_recognises_a_path_of_someones_machine(path: str) -> None:
    assert developer_paths(path.replace("~", "").encode())  # spelt so that this file holds none itself


@pytest.mark.parametrize("text", ["/usr/share/doc", "files.example/home/page", "~/home/x", "network/work/flow"])
def test_leaves_other_paths_alone(text: str) -> None:
    assert not developer_paths(text.encode())


def test_no_file_is_too_large(tracked: list[Path]) -> None:
    assert [relative(path) for path in tracked if path.stat().st_size > MAX_FILE_BYTES] == []


def test_source_opens_no_file_that_executes_code(tracked: list[Path]) -> None:
    sources = [path for path in tracked if path.suffix == ".py" and path.relative_to(ROOT).parts[0] != "tests"]
    found = [f"{relative(path)}:{fault}" for path in sources for fault in unsafe_calls(path.read_text("utf-8"))]
    assert found == []


def unsafe_calls(source: str) -> Iterator[str]:
    """Yield line and reason for each way to open a file that may execute what it holds."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules = {(node.module or "").partition(".")[0]}
        else:
            modules = set()
        for module in sorted(modules & CODE_IN_FILES):
            yield f"{node.lineno}: imports {module}"
        if isinstance(node, ast.Call):
            if any(word.arg == "allow_pickle" and not is_literal(word.value, False) for word in node.keywords):
                yield f"{node.lineno}: allow_pickle"
            if ast.unparse(node.func).endswith("torch.load") and not any(
                word.arg == "weights_only" and is_literal(word.value, True) for word in node.keywords
            ):
                yield f"{node.lineno}: torch.load without weights_only=True"


def is_literal(node: ast.expr, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "def f():\n    import shelve",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
    ],
)
def test_recognises_unsafe_opening(source: str) -> None:
    assert list(unsafe_calls(source))


@pytest.mark.parametrize(
    "source",
    ["np.load(path)", "np.load(path, allow_pickle=False)", "torch.load(path, weights_only=True)", "import json"],
)
def test_accepts_safe_opening(source: str) -> None:
    assert not list(unsafe_calls(source))
