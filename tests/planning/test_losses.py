"""How many videos are expected to be gone, after what others found."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from world import CAT, DOG

from audioset_dl.planning.losses import (
    USUAL_LOSS,
    Loss,
    LossTable,
    expect_losses,
    read_loss_table,
)

TABLE = f"""\
clip_id,state,code,labels
00000000000_0,gone,private,{DOG};{CAT}
00000000001_0,gone,geo,{DOG}
00000000002_0,gone,age,{DOG}
00000000003_0,waiting,network,{DOG}
00000000004_0,saved,,{DOG}
00000000005_0,gone,removed,{CAT}
00000000005_0,saved,,{CAT}
00000000006_0,gone,bot_check,{CAT}
"""


@given(st.integers(0, 500), st.floats(0, 1))
def test_losses_of_what_was_tried_lie_between_it_and_the_usual(tried: int, share: float) -> None:
    gone = round(tried * share)
    found_loss = Loss(tried - gone, gone)
    losses = expect_losses(LossTable(found_loss, {DOG: found_loss}))
    found = gone / tried if tried else USUAL_LOSS
    for loss in (losses.share, losses.of(DOG)):
        assert min(found, USUAL_LOSS) - 1e-9 <= loss <= max(found, USUAL_LOSS) + 1e-9
    assert losses.of(CAT) == losses.share
    assert losses.of(DOG) < 1


def test_losses_by_label_and_in_all(tmp_path: Path) -> None:
    path = tmp_path / "gone.csv"
    path.write_text(TABLE)
    found = read_loss_table(path, "--availability")
    assert found.overall == Loss(saved=2, gone=5)
    assert found.by_class == {DOG: Loss(saved=1, gone=3), CAT: Loss(saved=1, gone=3)}
