"""What commands say, as text and as JSON. Returns strings and prints none of them."""

from __future__ import annotations

from audioset_dl.report.checks import (
    repair_document,
    repair_text,
    verification_document,
    verification_text,
)
from audioset_dl.report.choice import classes_document, classes_text
from audioset_dl.report.plan import plan_csv, plan_document, plan_text
from audioset_dl.report.processing import (
    process_document,
    process_text,
    statistics_document,
    statistics_text,
)
from audioset_dl.report.run import download_text, status_document, status_text
from audioset_dl.report.words import to_json

__all__ = [
    "classes_document",
    "classes_text",
    "download_text",
    "plan_csv",
    "plan_document",
    "plan_text",
    "process_document",
    "process_text",
    "repair_document",
    "repair_text",
    "statistics_document",
    "statistics_text",
    "status_document",
    "status_text",
    "to_json",
    "verification_document",
    "verification_text",
]
