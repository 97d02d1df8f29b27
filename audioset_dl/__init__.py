"""Download a quality-controlled part of Google's AudioSet: exact 10-second WAVs with a manifest."""

from typing import TYPE_CHECKING, Any

from audioset_dl.versions import __version__

if TYPE_CHECKING:
    from audioset_dl.clip_dataset import ClipDataset

__all__ = ["ClipDataset", "__version__"]


def __getattr__(name: str) -> Any:
    """Import what is not needed by every command when it is first asked for."""
    if name == "ClipDataset":
        from audioset_dl.clip_dataset import ClipDataset  # noqa: PLC0415

        return ClipDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
