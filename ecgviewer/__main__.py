"""Start of the viewer; its other processes are dispatched before anything of Qt is imported."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the viewer, the analysis worker (``--worker``) or a helper process; return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["--worker"]:
        from ecgviewer.jobs.worker_main import main as run_worker

        return run_worker(argv[1:])
    if argv[:1] == ["--list"]:
        from ecgviewer.jobs.listing_main import main as run_listing

        return run_listing()
    if argv[:1] == ["--recording"]:
        from ecgviewer.jobs.recording_main import main as run_recording

        return run_recording()
    if argv[:1] == ["--measure"]:
        from ecgviewer.jobs.measuring_main import main as run_measuring

        return run_measuring()
    from ecgviewer.arguments import parse

    options = parse(argv)
    from ecgviewer.startup import file_to_open, prepare_platform

    prepare_platform(options)
    path = file_to_open(options)
    early = None
    if path is not None:
        from ecgviewer.jobs.early_read import EarlyRead

        early = EarlyRead(path)
    from ecgviewer.app import run

    return run(options, early)


if __name__ == "__main__":
    sys.exit(main())
