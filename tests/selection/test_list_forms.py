"""Lists of other datasets: each is read as it is meant, or refused with the known forms."""

from pathlib import Path

import pytest

from audioset_dl.catalog.catalog import Catalog, load_catalog
from audioset_dl.catalog.clips import UNLABELLED
from audioset_dl.config import ClipsConfig, Config, MetadataConfig, OutputConfig
from audioset_dl.errors import ConfigError
from audioset_dl.selection.lists import describe_list
from audioset_dl.selection.select import Selection, select

DATA = Path(__file__).parents[1] / "data"
ID = "--PJHxphWEs"
OTHER = "-ZhevVpy1sA"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(DATA, ["balanced_train"])


def read(catalog: Catalog, folder: Path, text: str) -> Selection:
    path = folder / "list.csv"
    path.write_text(text)
    config = Config(
        metadata=MetadataConfig(dir=DATA, segments=("balanced_train",)),
        clips=ClipsConfig(list=path),
        output=OutputConfig(dir=folder / "out"),
    )
    return select(catalog, config)


@pytest.mark.parametrize(
    ("text", "line", "start_s", "end_s"),
    [
        (f"audiocap_id,youtube_id,start_time,caption\n1,{ID},30,A man\n", "AudioCaps", 30, 40),
        (f"youtube_id,start_time\n{ID},30\n", "AudioCaps", 30, 40),
        (f"YouTube_ID,Start_Time\n{ID},30\n", "AudioCaps", 30, 40),
        (f"1,{ID},30,A man\n", "AudioCaps", 30, 40),
        (f"ytid,start_s,end_s,audioset_positive_labels,caption\n{ID},30,40,/m/0bt9lr,x\n",
         "MusicCaps", 30, 40),
        (f"label,youtube_id,time_start,time_end,split,is_cc\nplaying,{ID},30,40,train,0\n",
         "Kinetics", 30, 40),
        (f"label,youtube_id,time_start,time_end,split\nplaying,{ID},3,12.5,train\n",
         "Kinetics", 3, 12.5),
        (f"playing,{ID},30,40,train,0\n", "Kinetics", 30, 40),
        (f"playing,{ID},30,40,train\n", "Kinetics", 30, 40),
        (f'{ID},30,"people speaking, loud",train\n{OTHER},5,ringing,test\n', "VGGSound", 30, 40),
        (f"ytid,start,label,split\n{ID},30,bell,train\n", "VGGSound", 30, 40),
        (f"youtube_id,start,label,split\n{ID},30,bell,train\n", "VGGSound", 30, 40),
        (f"clip_id\n{ID}_000030\n", "VGGSound", 30, 40),
        (f"clip_id\n{OTHER}_123456\n{ID}_000030\n", "VGGSound", 30, 40),
        (f"clip_id,end_s,labels\n{ID}_000030,40,/m/0bt9lr\n", "VGGSound", 30, 40),
        (f"youtube_id\tstart_time\tcaption\n{ID}\t30\tone, two\n".replace(", ", " "),
         "AudioCaps", 30, 40),
        (f"clip_id,end_s\n{ID}_30000,40\n", "", 30, 40),
        (f"clip_id,end_s\nY{ID}_30000.wav,40\n", "", 30, 40),
        (f"clip_id,end_s\n{ID}_0,9\n", "", 0, 9),
        (f"ytid,start_s,end_s\nY{ID},30,40\n", "", 30, 40),
        (f"ytid,start_s,end_s\n{ID}.wav,30,40\n", "", 30, 40),
        (f"ytid,start_s,end_s\nhttps://www.youtube.com/watch?v={ID},30,40\n", "", 30, 40),
        (f"ytid,start_s,end_s\nhttps://youtu.be/{ID}?t=30,,40\n", "", 30, 40),
        (f"ytid,end_s\nhttps://youtu.be/{ID}?si=x&t=1m30s,100\n", "", 90, 100),
        (f"ytid,start_s,end_s\nyoutube.com/watch?t=30s&v={ID},30,40\n", "", 30, 40),
        (f"ytid,start_s,end_s\nhttps://m.youtube.com/shorts/{ID},0,600\n", "", 0, 600),
    ],
)  # fmt: skip
def test_a_list_is_read_as_it_is_meant(
    tmp_path: Path, catalog: Catalog, text: str, line: str, start_s: float, end_s: float
) -> None:
    clip_list = read(catalog, tmp_path, text).clip_list
    (clip,) = [clip for clip in clip_list.clips.values() if clip.ytid == ID]
    assert (clip.start_s, clip.end_s) == (start_s, end_s)
    said = describe_list(clip_list)
    assert said.startswith(f"clips.list: {line}: ") if line else not said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{ID},30\n", "known forms: "),
        (f"{ID},30,40\n", "known forms: "),
        ("name,begin\nx,3\n", "known forms: .*AudioCaps: youtube_id,start_time"),
        (f"# YTID, start\n{ID}, 30, 40, x\n", "a segment CSV belongs into metadata.segments"),
        (f"segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n{ID}_0\t0\t1\t/m/a\n",
         "a file of strong labels belongs into metadata.segments"),
        (f"ytid;start_s\n{ID};30\n", "separated by commas"),
        (f"ytid,start_s,end_s\nhttps://vimeo.com/{ID},30,40\n", "expected a YouTube id"),
        (f"ytid,start_s,end_s\nhttps://youtu.be/{ID}?t=20,30,40\n", "start_s is 30, but ytid"),
        (f"youtube_id,start_time\n{ID}x,30\n", "expected a YouTube id"),
        (f"youtube_id,start_time\n{ID},soon\n", "expected seconds, found 'soon'"),
        (f"youtube_id,time_start,time_end\n{ID},30,30\n", "end_s must come after"),
    ],
)  # fmt: skip
def test_what_fits_no_form_is_refused(tmp_path, catalog, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(catalog, tmp_path, text)


def test_other_columns_are_kept_for_each_row(tmp_path: Path, catalog: Catalog) -> None:
    text = f'audiocap_id,youtube_id,start_time,caption\n1,{ID},30,"A, B"\n2,{ID},30,C\n'
    selection = read(catalog, tmp_path, text)
    assert selection.clip_list.other_columns == ("audiocap_id", "caption")
    rows = selection.clip_list.others[f"{ID}_30000"]
    assert [row["caption"] for row in rows] == ["A, B", "C"]


def test_a_clip_without_labels_is_wanted_all_the_same(tmp_path: Path, catalog: Catalog) -> None:
    selection = read(catalog, tmp_path, f"youtube_id,start_time\n{ID},30\n")
    assert [node.mid for node in selection.classes] == [UNLABELLED]
    draw = selection.draw()
    assert draw.start().tolist() == [0]
    assert draw.drawn_by(0) == (UNLABELLED,)


def test_in_milliseconds_unless_a_zero_leads(tmp_path: Path, catalog: Catalog) -> None:
    clip_list = read(catalog, tmp_path, f"clip_id,end_s\n{ID}_30,40\n").clip_list
    assert list(clip_list.clips) == [f"{ID}_30"]
