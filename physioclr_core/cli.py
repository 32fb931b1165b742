"""The ``physioclr`` command: one subcommand a module of ``physioclr_core.commands``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from physioclr_core import __version__
from physioclr_core.errors import UserFacingError

# Module of physioclr_core.commands -> its line in --help. A module has add_parser(subparsers) and run(args) -> exit
# code; only the one that is asked for is imported, so that --help needs no numpy.
COMMANDS: dict[str, str] = {
    "read": "leads, patient, acquisition and import report of a record",
    "convert": "records in another format, de-identified where asked",
    "predict": "calibrated probabilities of a model's labels as CSV",
    "embed": "embeddings as .npz: record, embedding, fingerprint",
    "similar": "the nearest ECGs of the reference library",
    "explain": "which waves in which leads speak for a label",
    "beats": "R peaks of records as JSON",
    "delineate": "onset, peak and offset of P, QRS and T in every lead as JSON",
    "measure": "intervals, axes, amplitudes and variability of a record",
    "features": "the 150 physiological features as Parquet",
    "prepare": "a data set for training: samples, labels and patients in one folder",
    "pretrain": "train an encoder without labels",
    "finetune": "train on labels: whole network, head alone or linear probe",
    "export": "a fine-tuned run as a model that the application opens",
    "compare": "arms against each other: all runs, then one table with intervals",
    "evaluate": "figures of a fine-tuned run with intervals, tables and plots",
}

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """Return the parser with one command, or with the names of all where it is none of them."""
    parser = argparse.ArgumentParser(
        prog="physioclr",
        description="Read, assess, embed and compare ECG records. For research use only: not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    if command in COMMANDS:
        import_module(f"physioclr_core.commands.{command}").add_parser(subparsers)
    else:
        for name, line in COMMANDS.items():
            subparsers.add_parser(name, help=line)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0; 2 for what the user can mend, said in one line on stderr; 130 after Ctrl-C; 141 where the reader of the
        output has gone.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names in a file may have letters that a terminal's encoding lacks, which is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        args = build_parser(arguments[0] if arguments else None).parse_args(arguments)
        code = int(args.run(args))
        sys.stdout.flush()
    except UserFacingError as error:
        print(f"physioclr: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        return EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes stdout once more as it ends, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    return code


if __name__ == "__main__":
    sys.exit(main())
