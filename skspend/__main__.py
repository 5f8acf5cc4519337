"""``python -m skspend``: the command line interface."""

from .cli import main

main(prog_name="skspend")
