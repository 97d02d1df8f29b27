"""Completion of commands and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from audioset_dl.cli.group import cli

# click makes it of the name of the program
# (https://click.palletsprojects.com/en/stable/shell-completion/).
_VARIABLE = "_AUDIOSET_DL_COMPLETE"


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands and options.

    \b
    Example:
      audioset-dl completion bash >> ~/.bashrc
      audioset-dl completion zsh >> ~/.zshrc
      audioset-dl completion fish > ~/.config/fish/completions/audioset-dl.fish
    """
    shell_class = get_completion_class(shell)
    if shell_class is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(shell_class(cli, {}, "audioset-dl", _VARIABLE).source())
