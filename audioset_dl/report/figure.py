"""The figure of `classes --plot`: how many classes remain at each quality threshold.

Drawn by matplotlib, which is in the extra ``plot``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from audioset_dl.errors import OutputError, ToolMissingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from audioset_dl.selection.classes import Curve, Thresholds

FORMATS = (".pdf", ".png", ".svg")
# As wide as a column of a paper with two.
_SIZE_IN = (3.5, 2.6)
_STYLE: dict[str, Any] = {
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",  # text stays text, to be searched and edited
    "pdf.fonttype": 42,  # TrueType, as publishers ask for
    "svg.hashsalt": "audioset-dl",  # the same ids, and so the same file, each time
}
# Of Okabe and Ito's palette for colour-blind readers (https://jfly.uni-koeln.de/color/).
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#555555"


def plot_thresholds(thresholds: Thresholds, path: Path) -> None:
    """Draw how many classes have at least each quality, and write the figure to a file.

    Parameters
    ----------
    thresholds : Thresholds
        The curves, and the threshold to mark.
    path : Path
        Ends in .pdf, .png or .svg.

    Raises
    ------
    ToolMissingError
        matplotlib is not installed.
    OutputError
        The file can't be written.
    """
    try:
        from matplotlib import rc_context  # noqa: PLC0415 - an extra
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise ToolMissingError(
            "--plot needs matplotlib",
            fix="pip install 'audioset-dl[plot]', or pip install matplotlib",
        ) from error
    with rc_context(_STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=_SIZE_IN, layout="constrained")
        _draw(figure.add_subplot(), thresholds)
        try:
            figure.savefig(path, dpi=300)
        except OSError as error:
            raise OutputError(f"{path} can't be written: {error.strerror}") from error


def _draw(axes: Axes, thresholds: Thresholds) -> None:
    _draw_curve(axes, thresholds.all_classes, _BLUE, "-", "all classes")
    _draw_curve(axes, thresholds.leaves, _ORANGE, "--", "leaf classes only")
    if thresholds.configured is not None:
        _mark(axes, thresholds, thresholds.configured)
    axes.set(xlim=(0, 1.02), ylim=(0, None), xticks=[0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.set_xlabel("least quality (share of checked labels that were right)")
    axes.set_ylabel("classes with at least this quality")
    axes.grid(axis="y", linewidth=0.4, color="#dddddd")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="lower left")


def _draw_curve(axes: Axes, curve: Curve, colour: str, style: str, label: str) -> None:
    steps = [0.0, *sorted(set(curve.qualities)), 1.0]
    numbers = [curve.at_least(step) for step in steps]
    axes.step(
        steps, numbers, where="pre", color=colour, linestyle=style, linewidth=1.3, label=label
    )


def _mark(axes: Axes, thresholds: Thresholds, configured: float) -> None:
    axes.axvline(configured, color=_GREY, linewidth=0.8, linestyle=":")
    for curve, colour in ((thresholds.all_classes, _BLUE), (thresholds.leaves, _ORANGE)):
        number = curve.at_least(configured)
        axes.plot(configured, number, "o", color=colour, markersize=3.5)
        axes.annotate(
            f"{number}", (configured, number), xytext=(-4, -3), textcoords="offset points",
            ha="right", va="top", color=colour,
        )  # fmt: skip
    axes.annotate(
        f"min_quality {configured:g}", (configured, 1), xycoords=("data", "axes fraction"),
        xytext=(0, 2), textcoords="offset points", ha="center", va="bottom", color=_GREY,
    )  # fmt: skip
