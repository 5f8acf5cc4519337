"""What the commands share: how they say what is wrong, and how far they are."""

import time
import warnings
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from . import files

WORTH_A_LINE = 1.0
"""Seconds from which a step is reported where no progress bar can be shown."""


class CommandError(click.ClickException):
    """What ends the command with one line on standard error."""

    exit_code = 2


class Command(click.Command):
    """A command that says what is wrong in one line, also about its own options."""

    def parse_args(self, ctx, args):
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise CommandError(
                f"{error.format_message()} See {ctx.command_path} --help."
            ) from error

    def invoke(self, ctx):
        try:
            with clean_warnings():
                return super().invoke(ctx)
        except files.DataError as error:
            raise CommandError(str(error)) from error


class Steps:
    """Progress of named steps on standard error: bars in a terminal, else a line for long ones."""

    def __init__(self):
        console = Console(stderr=True)
        self.is_shown = console.is_terminal
        self.progress = Progress(
            TextColumn("{task.description:<26}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
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
            click.echo(f"{name}: {seconds:.1f} s", err=True)

    @contextmanager
    def counted(self, name):
        """A step that says how far it is by calling a function with what is done and all."""
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
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.parent is not None:
            self.progress.advance(self.task)


@contextmanager
def clean_warnings():
    """Say warnings about the data in one line each, without the code that raised them."""
    said = set()

    def say(message, category, *where, **more):
        line = files.as_options(str(message))
        if category is UserWarning and line not in said:
            said.add(line)
            click.echo(f"Warning: {line}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = say
        yield
