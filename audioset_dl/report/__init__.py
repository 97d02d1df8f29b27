"""What commands say, as text and as JSON. Returns strings and prints none of them."""

from __future__ import annotations

from audioset_dl.report.fewshot import (
    episodes_document,
    episodes_text,
    split_report_document,
    split_text,
)
from audioset_dl.report.processing import (
    process_document,
    process_text,
    statistics_document,
    statistics_text,
)
from audioset_dl.words import to_json

__all__ = [
    "episodes_document",
    "episodes_text",
    "process_document",
    "process_text",
    "split_report_document",
    "split_text",
    "statistics_document",
    "statistics_text",
    "to_json",
]
