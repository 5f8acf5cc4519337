"""``python -m skspend``: the command line interface."""

from .cli import main

if __name__ == "__main__":  # a process beside this one imports it, too
    main(prog_name="skspend")
