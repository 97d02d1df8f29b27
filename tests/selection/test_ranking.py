"""The seeded ranking."""

import hashlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from audioset_dl.selection import ranking
from audioset_dl.selection.ranking import rank_clips

DATA = Path(__file__).parents[1] / "data"
CLIP_IDS = st.lists(st.from_regex(r"[A-Za-z0-9_-]{11}_\d{1,6}", fullmatch=True), unique=True)


def test_order_is_by_sha256_of_seed_class_and_clip() -> None:
    clip_ids = ["b0RFKhbpFJA_30000", "--PJHxphWEs_30000", "a_cdefghij-_0"]

    def key(clip_id: str) -> str:
        return hashlib.sha256(f"7:/m/0bt9lr:{clip_id}".encode()).hexdigest()

    assert rank_clips(7, "/m/0bt9lr", clip_ids) == sorted(clip_ids, key=key)


@given(CLIP_IDS, st.randoms())
def test_order_of_rows_does_not_matter(clip_ids: list[str], random) -> None:
    shuffled = random.sample(clip_ids, len(clip_ids))
    assert rank_clips(0, "/m/x", shuffled) == rank_clips(0, "/m/x", clip_ids)


@given(CLIP_IDS, st.integers(0, 100))
def test_leaving_out_clips_moves_no_other(clip_ids: list[str], seed: int) -> None:
    ranked = rank_clips(seed, "/m/x", clip_ids)
    kept = set(clip_ids[::2])
    assert rank_clips(seed, "/m/x", kept) == [clip_id for clip_id in ranked if clip_id in kept]


def test_seed_and_class_each_change_the_order() -> None:
    clip_ids = [f"{number:011d}_0" for number in range(50)]
    orders = {tuple(rank_clips(seed, mid, clip_ids)) for seed in (0, 1) for mid in ("/m/a", "/m/b")}
    assert len(orders) == 4


@given(st.lists(st.binary(min_size=2, max_size=2), max_size=9), st.randoms())
def test_digests_that_begin_alike_are_told_apart_by_the_rest(ends: list[bytes], random) -> None:
    digests = [random.choice([b"a", b"\xff"]) * 30 + end for end in ends]
    order = ranking._sort_digests(digests)
    assert [digests[position] for position in order] == sorted(digests)
