"""The subcommands of ``physioclr``, one module each; ``physioclr_core.cli`` names them."""
