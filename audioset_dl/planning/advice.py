"""The warnings that follow from a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audioset_dl.config import Config
from audioset_dl.planning.cost import ACCOUNT_PER_HOUR, GUEST_PER_HOUR, most_per_hour
from audioset_dl.planning.plan import Advice, ClassPlan, Plan
from audioset_dl.words import some

SELDOM = 0.1
"""Share of clips without other chosen classes below which a class hardly ever occurs alone."""


def find_advice(plan: Plan, config: Config, free_bytes: int | None) -> list[Advice]:
    """Return the warnings that follow from a plan.

    Parameters
    ----------
    plan : Plan
        From `make_plan`.
    config : Config
        The config that it was made for.
    free_bytes : int or None
        Free space on the disk of the output folder; None where it is not known.
    """
    return [
        *_about_numbers(plan),
        *_about_company(plan, config),
        *_about_disk(plan, config, free_bytes),
        *(_about_pace(config) if plan.expected.asked else ()),
    ]


def _about_numbers(plan: Plan) -> Iterator[Advice]:
    few = [one for one in plan.classes if one.short]
    if few:
        yield Advice(
            "few_clips",
            f"{_classes(few)} fewer than {plan.per_class} clips: "
            + some([f"{one.name} {one.wanted}" for one in few])
            + "; take fewer, or add a file to metadata.segments",
        )
    at_risk = [
        one for one in plan.classes if not one.short and one.expected < (plan.per_class or 0)
    ]
    if at_risk:
        yield Advice(
            "few_after_losses",
            f"{_classes(at_risk)} too few clips to replace all that may be gone: "
            + some([f"{one.name} about {one.expected}" for one in at_risk]),
        )


def _about_company(plan: Plan, config: Config) -> Iterator[Advice]:
    seldom = [one for one in plan.classes if one.alone is not None and one.alone < SELDOM]
    if seldom and config.clips.labels == "any":
        yield Advice(
            "hardly_alone",
            f"{_classes(seldom)} hardly any clips without another chosen class (its ancestors and "
            "descendants apart): " + some([f"{one.name} {one.alone:.0%}" for one in seldom]),
        )


def _about_disk(plan: Plan, config: Config, free_bytes: int | None) -> Iterator[Advice]:
    average = plan.expected.disk_bytes / plan.expected.clips if plan.expected.clips else 0
    to_write = round(average * max(0, plan.expected.clips - plan.saved))
    if free_bytes is not None and to_write > free_bytes:
        yield Advice(
            "disk",
            f"the clips to fetch need {to_write:,} bytes, and {free_bytes:,} are free in "
            f"{config.output.dir}; make room, lower clips.per_class, or choose another output.dir",
        )


def _about_pace(config: Config) -> Iterator[Advice]:
    download, allowed, who = config.download, GUEST_PER_HOUR, "a guest"
    if download.cookies_use == "always":
        allowed, who = ACCOUNT_PER_HOUR, "an account"
    asked = most_per_hour(download)
    if asked > allowed:
        pace = "no limit" if asked == float("inf") else f"{asked:,.0f} videos an hour"
        yield Advice(
            "pace",
            f"the configured pace is {pace} on an address, and YouTube lets {who} have about "
            f"{allowed:,}; who asks for more is locked out for up to an hour: set "
            f"download.max_per_hour to {allowed}",
        )


def _classes(found: Sequence[ClassPlan]) -> str:
    return "1 class has" if len(found) == 1 else f"{len(found)} classes have"
