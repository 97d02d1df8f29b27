"""Before a download: `classes` and `plan`."""

from __future__ import annotations

import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audioset_dl.cli.group import (
    DEFAULT_CONFIG,
    cli,
    config_argument,
    names_config,
    print_result,
    reading,
    takes_json,
    terminal_width,
    warn,
)
from audioset_dl.cli.progress import file_bars
from audioset_dl.config import Config
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.report import choosing as report
from audioset_dl.report.figure import FORMATS, plot_thresholds
from audioset_dl.words import to_json

if TYPE_CHECKING:
    from audioset_dl.catalog.ontology import Node, Ontology
    from audioset_dl.selection.select import Selection


@cli.command()
@names_config
@click.option(
    "--search", metavar="TEXT", help="All classes, chosen or not, with TEXT in their name."
)
@click.option(
    "--tree", metavar="CLASS", help="The ontology from CLASS downwards, chosen or not; or of 'all'."
)
@click.option(
    "--sort", type=click.Choice(report.SORT_KEYS), default="ontology", help="What comes first."
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw how many classes remain at each quality threshold, as .pdf, .svg or .png.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print a row of CSV for each class.")
@takes_json
def classes(
    config: Path,
    overrides: tuple[str, ...],
    *,
    search: str | None,
    tree: str | None,
    sort: str,
    plot: Path | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """List the chosen classes, with quality and numbers of clips.

    Quality is the share of the checked clips whose label Google's raters found right. Without a
    config.yaml, lists all classes.

    \b
    Example:
      audioset-dl classes --search bell
      audioset-dl classes --tree Dog
      audioset-dl classes --plot quality.pdf --set classes.min_quality=0.8
    """  # fmt: skip
    _check_view(search, tree, sort, plot)
    _check_one_form(as_csv=as_csv, as_json=as_json)
    path = config if str(config) != DEFAULT_CONFIG or config.exists() else None
    if path is None:
        click.echo(f"There is no {config} here: the defaults are used.", err=True)
    with reading(path, overrides) as settings:
        selection = _select(settings)
    if plot is not None:
        _plot(selection, settings, plot)
    elif tree is not None:
        _print_tree(selection, tree, as_csv=as_csv, as_json=as_json)
    else:
        nodes = None if search is None else _find(selection.catalog.ontology, search)
        documents = report.classes_document(selection, nodes, sort=sort)
        _print(documents, report.classes_text(documents, _table_width()), as_csv, as_json)


def _check_view(search: str | None, tree: str | None, sort: str, plot: Path | None) -> None:
    given = [("--search", search), ("--tree", tree), ("--plot", plot)]
    names = [name for name, value in given if value is not None]
    if len(names) > 1:
        raise click.UsageError(f"{' and '.join(names)} are different views: give one of them")
    if tree is not None and sort != "ontology":
        raise click.UsageError("--tree is in the ontology's order: leave out --sort")
    if plot is not None and plot.suffix.lower() not in FORMATS:
        raise click.UsageError(f"--plot {plot}: expected a name that ends in {', '.join(FORMATS)}")


def _check_one_form(*, as_csv: bool, as_json: bool) -> None:
    if as_csv and as_json:
        raise click.UsageError("--csv and --json are different forms: give one of them")


def _select(settings: Config) -> Selection:
    from audioset_dl.selection.select import prepare

    prepared = prepare(settings, progress=file_bars(quiet=False))
    for warning in prepared.warnings:
        warn(warning)
    return prepared.selection


def _table_width() -> int | None:
    """Return the width for tables on stdout: the terminal's; None for any width elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _find(ontology: Ontology, text: str) -> list[Node]:
    wanted = " ".join(text.split()).casefold()
    nodes = [node for node in ontology if wanted in node.name.casefold() or node.mid == text]
    if not nodes:
        close = ", ".join(map(repr, ontology.suggest(text)))
        fix = f"similar are {close}" if close else ""
        found = f"no class has {text!r} in its name"
        raise ConfigError(Problem("", found, fix, source="--search"))
    return nodes


def _print_tree(selection: Selection, root: str, *, as_csv: bool, as_json: bool) -> None:
    from audioset_dl.catalog.ontology import UnknownClass
    from audioset_dl.selection.classes import outline

    ontology = selection.catalog.ontology
    try:
        roots = [ontology.find(root)] if root != "all" else ontology.roots()
    except UnknownClass as error:
        fix = f"{error.fix} ('all' shows the whole ontology)"
        raise ConfigError(Problem("", error.found, fix, source="--tree")) from error
    lines = outline(ontology, roots)
    text = report.tree_text(selection, lines, _table_width())
    _print(report.tree_document(selection, lines), text, as_csv, as_json)


def _print(documents: list[dict[str, object]], text: str, as_csv: bool, as_json: bool) -> None:
    if as_json:
        click.echo(to_json(documents))
    else:
        click.echo(report.classes_csv(documents) if as_csv else text)


def _plot(selection: Selection, settings: Config, path: Path) -> None:
    from audioset_dl.selection.classes import count_at_thresholds

    thresholds = count_at_thresholds(selection.catalog, settings.classes)
    plot_thresholds(thresholds, path)
    at = thresholds.configured or 0
    click.echo(
        f"Wrote {path}: of {thresholds.all_classes.at_least(0)} rated classes "
        f"({thresholds.leaves.at_least(0)} leaves), {thresholds.all_classes.at_least(at)} "
        f"({thresholds.leaves.at_least(at)} leaves) have a quality of at least {at:g}."
    )


@cli.command()
@names_config
@click.option(
    "--expect-gone",
    type=click.FloatRange(0, 0.95),
    metavar="SHARE",
    help="Share of the videos expected to be gone, 0 to 0.95; 0.2 unless given.",
)
@click.option(
    "--availability",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Expect what was found before: a CSV of `status --availability --csv`.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print a row of CSV for each class.")
@takes_json
def plan(
    config: Path,
    overrides: tuple[str, ...],
    *,
    expect_gone: float | None,
    availability: Path | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show what a download would take: clips, space, time.

    Fetches Google's files about AudioSet if they are missing, and nothing else.

    \b
    Example:
      audioset-dl plan config.yaml --expect-gone 0.25
    """
    from audioset_dl.planning.run import plan as make_plan

    _check_one_form(as_csv=as_csv, as_json=as_json)
    with reading(config, overrides) as settings:
        planned = make_plan(
            settings,
            expect_gone=expect_gone,
            availability=availability,
            progress=file_bars(quiet=False),
            on_warning=warn,
        )
    if as_csv:
        click.echo(report.plan_csv(planned))
        return
    text = partial(report.plan_text, config=settings.download, width=terminal_width())
    print_result(planned, report.plan_document, text, as_json=as_json)
    if planned.expected.asked and not overrides and not as_json:
        click.echo(f"\nTo begin: audioset-dl download{config_argument(config)}")
