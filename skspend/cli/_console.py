"""What all commands share: output, errors, exit codes and progress.

A command returns its result twice: as a record for ``--json``, and as a function that prints it.
"""

import errno
import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from contextlib import contextmanager, suppress

import click

from .._utils._errors import DataError, as_options
from .._utils._text import printable

WORTH_A_LINE = 1.0
"""Seconds from which a step is reported without a terminal, which would show a progress bar."""
BUG, INTERRUPTED, NOBODY_READS, SIGNALLED = 1, 130, 141, 128
"""Exit codes. Those above 128 are what shells report when a signal ends a program."""
MACHINE = {
    errno.ENOSPC: "Make room, or choose another --output",
    errno.EDQUOT: "Make room, or choose another --output",
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f)",
    errno.EIO: "Check the disk and the terminal",
    errno.EMFILE: "Raise the limit on open files (ulimit -n)",
    errno.ENFILE: "Close other programs",
    errno.EROFS: "Choose another --output",
}
"""Errors that are no bug, and their remedies."""


class CommandError(click.ClickException):
    """An error of the user: one line on standard error."""

    exit_code = 2

    def format_message(self):
        return printable(self.message)


class Main(click.Group):
    """The group of commands, with exit codes that click does not have."""

    def list_commands(self, ctx):
        # click sorts them by name; this is the order in which they are used.
        return list(self.commands)

    def main(self, *args, standalone_mode=True, **extra):
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)
        sys.exit(self._exit_code(*args, **extra))

    def _exit_code(self, *args, **extra):
        output = sys.stdout
        try:
            if output is None:
                raise CommandError("Standard output is closed. Send it to a file or to /dev/null.")
            with _signals_as_exceptions():
                code = super().main(*args, standalone_mode=False, **extra)
            # An error in writing the buffer must be met here, not when Python ends.
            sys.stdout.flush()
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("Interrupted: no file is half-written.", err=True)
            return INTERRUPTED
        except (BrokenPipeError, SystemExit) as error:
            # On a closed pipe, click replaces the stream and exits.
            if isinstance(error, SystemExit) and sys.stdout is output:
                raise
            sys.stdout = output
            _forget_output()
            return NOBODY_READS
        except Exception as error:
            if isinstance(error, MemoryError):
                reason, remedy = f"Not enough memory. {error}", "Give fewer customers at once"
            elif isinstance(error, OSError) and error.errno in MACHINE:
                reason, remedy = os.strerror(error.errno), MACHINE[error.errno]
                _forget_output()
            else:
                traceback.print_exc()
                click.echo(
                    "Error: this is a bug in skspend. Please report it with the lines above.",
                    err=True,
                )
                return BUG
            CommandError(f"{reason.rstrip(' .')}; no file is half-written. {remedy}.").show()
            return CommandError.exit_code
        return code or 0


def _forget_output():
    """Drop the buffered output, about which Python would complain when it closes the stream."""
    with suppress(OSError):  # In a test, it is no file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _signals_as_exceptions():
    """Turn SIGINT, SIGTERM and SIGHUP into exceptions, so that temporary files are removed."""
    before, received = {}, []

    def interrupt(sent, _):
        is_key = sent == signal.SIGINT
        received.append(KeyboardInterrupt() if is_key else SystemExit(SIGNALLED + sent))
        raise received[-1]

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # nohup ignores the end of the terminal.
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    except Exception:
        # Code in C, such as matplotlib's, may make another error of them.
        if received:
            raise received[-1] from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Command(click.Command):
    """A command with ``--quiet`` and ``--json``, whose errors are one line."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.params += [
            click.Option(["-q", "--quiet"], is_flag=True, help="Print errors only."),
            click.Option(
                ["--json", "as_json"], is_flag=True, help="Print the result as one JSON document."
            ),
        ]

    def parse_args(self, ctx, args):
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise CommandError(
                f"{error.format_message()} See {ctx.command_path} --help."
            ) from error

    def invoke(self, ctx):
        ctx.obj = quiet = ctx.params.pop("quiet")
        as_json = ctx.params.pop("as_json")
        try:
            with clean_warnings():
                record, show = super().invoke(ctx)
        except DataError as error:
            raise CommandError(str(error)) from error
        if as_json:
            click.echo(json.dumps(record, indent=2, allow_nan=False))
        elif not quiet:
            show()


def note(text):
    """Print a line about the run on standard error, unless it is quiet."""
    if not click.get_current_context().obj:
        click.echo(printable(text), err=True)


def say(text):
    """Print a line on standard output."""
    click.echo(printable(text))


def console():
    """A console of rich on standard output, with a fixed width where there is no terminal."""
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self):
            # rich would exit with the code of a bug.
            raise BrokenPipeError

    found = Screen()
    return found if found.is_terminal else Screen(width=100)


class Steps:
    """Progress of named steps on standard error: bars in a terminal, else lines for long steps."""

    def __init__(self):
        from rich import progress
        from rich.console import Console

        console = Console(stderr=True)
        self.is_shown = console.is_terminal and not click.get_current_context().obj
        self.progress = progress.Progress(
            progress.TextColumn("{task.description:<26}"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeElapsedColumn(),
            console=console,
            disable=not self.is_shown,
        )
        self.seconds = {}

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *_):
        self.progress.stop()

    @contextmanager
    def step(self, name):
        task = self.progress.add_task(name, total=None)
        started = time.perf_counter()
        yield task
        self.seconds[name.lower()] = seconds = time.perf_counter() - started
        self.progress.update(task, total=1, completed=1)
        if not self.is_shown and seconds > WORTH_A_LINE:
            note(f"{name}: {seconds:.1f} s")

    @contextmanager
    def counted(self, name):
        """A step that reports how much is done: it calls a function with a count and the total."""
        with self.step(name) as task:
            yield lambda done, total: self.progress.update(task, completed=done, total=total)


class EpochProgress:
    """A scikit-learn callback that moves a bar by the epochs of a fit."""

    def __init__(self, progress, task):
        self.progress = progress
        self.task = task

    def setup(self, estimator, context):
        self.progress.update(self.task, total=context.max_subtasks)

    def teardown(self, estimator, context):
        """Do nothing; scikit-learn calls it."""

    on_fit_task_begin = teardown

    def on_fit_task_end(self, estimator, context):
        if context.parent is not None:
            self.progress.advance(self.task)


@contextmanager
def clean_warnings():
    """Print each warning about the data once, in one line, without the code that raised it."""
    context, said = click.get_current_context(), set()

    def say(message, category, *where, **more):
        line = as_options(str(message))
        if category is UserWarning and line not in said:
            said.add(line)
            # Warnings may come from threads, which know of no command.
            with context.scope(cleanup=False):
                note(f"Warning: {line}")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = say
        yield
