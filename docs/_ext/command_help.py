"""The command's pages: what ``--help`` says, of the group and of every command in it."""

from importlib import import_module

import click
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

WIDTH = 86


class CommandHelp(SphinxDirective):
    """``.. command-help:: module:group``, with a section for each command."""

    required_arguments = 1

    def run(self):
        """Make the first block, and the sections."""
        module, name = self.arguments[0].split(":")
        group = getattr(import_module(module), name)
        settings = {"terminal_width": WIDTH} | group.context_settings
        context = click.Context(group, info_name=module.split(".")[0], **settings)
        made = [_help(context)]
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            title = f"{context.info_name} {name}"
            section = nodes.section("", nodes.title("", title), ids=[nodes.make_id(title)])
            section += _help(
                click.Context(command, info_name=name, parent=context, terminal_width=WIDTH)
            )
            self.state.document.note_explicit_target(section)
            made.append(section)
        return made


def _help(context):
    text = context.get_help()
    return nodes.literal_block(text, text, language="text")


def setup(app):
    """Called by Sphinx."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
