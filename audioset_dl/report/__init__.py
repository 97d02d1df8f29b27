"""What commands say, as text and as JSON. Returns strings and prints none of them."""

from __future__ import annotations

from audioset_dl.report.availability import (
    availability_csv,
    availability_document,
    availability_text,
)
from audioset_dl.report.checks import (
    repair_document,
    repair_text,
    verification_document,
    verification_text,
)
from audioset_dl.report.classes import (
    SORT_KEYS,
    classes_csv,
    classes_document,
    classes_text,
    tree_document,
    tree_text,
)
from audioset_dl.report.doctor import check_text, checks_text, doctor_document
from audioset_dl.report.fewshot import (
    episodes_document,
    episodes_text,
    split_text,
)
from audioset_dl.report.plan import plan_csv, plan_document, plan_text
from audioset_dl.report.processing import (
    process_document,
    process_text,
    statistics_document,
    statistics_text,
)
from audioset_dl.report.run import download_text, status_document, status_text
from audioset_dl.report.sets import (
    comparison_document,
    comparison_text,
    merge_document,
    merge_text,
)
from audioset_dl.words import to_json

__all__ = [
    "SORT_KEYS",
    "availability_csv",
    "availability_document",
    "availability_text",
    "check_text",
    "checks_text",
    "classes_csv",
    "classes_document",
    "classes_text",
    "comparison_document",
    "comparison_text",
    "doctor_document",
    "download_text",
    "episodes_document",
    "episodes_text",
    "merge_document",
    "merge_text",
    "plan_csv",
    "plan_document",
    "plan_text",
    "process_document",
    "process_text",
    "repair_document",
    "repair_text",
    "split_text",
    "statistics_document",
    "statistics_text",
    "status_document",
    "status_text",
    "to_json",
    "tree_document",
    "tree_text",
    "verification_document",
    "verification_text",
]
