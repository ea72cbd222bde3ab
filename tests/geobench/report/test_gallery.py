import numpy as np
from made_run import MadePack, write_result

from geobench.report.gallery import FRAME_PX, choose, make_cards, small_jpeg
from geobench.report.sources import Ranks, load_entries, load_ranks


def _ranks(rank, error_m):
    count = len(rank)
    return Ranks(
        query_ids=[f"q{i}" for i in range(count)],
        rank=np.asarray(rank),
        top_ids=[[] for _ in rank],
        top_scores=[[] for _ in rank],
        error_m=np.asarray(error_m, dtype=float),
    )


def _cards(tmp_path, **settings):
    write_result(tmp_path)
    (entry,) = load_entries(tmp_path)
    return make_cards(MadePack(), entry, load_ranks(entry), **settings)


def test_hits_come_first_and_misses_go_from_near_to_far():
    ranks = _ranks([3, 0, 9, 0, 1], [500.0, 2.0, 80.0, 2.0, np.nan])
    assert choose(ranks, hits=2, misses=3) == [1, 3, 2, 0, 4]


def test_no_more_than_asked_for_is_chosen():
    ranks = _ranks([0] * 9 + [5] * 9, [1.0] * 18)
    chosen = choose(ranks, hits=3, misses=2)
    assert len(chosen) == 5
    assert choose(ranks, hits=0, misses=0) == []


def test_a_card_shows_five_tiles_and_marks_the_true_one(tmp_path):
    card = _cards(tmp_path, hits=1, misses=0)[0]
    assert [t.place for t in card.tiles] == [1, 2, 3, 4, 5]
    assert card.tiles[0].relation == "true"
    assert card.extra is None


def test_a_true_tile_farther_down_is_shown_apart(tmp_path):
    cards = _cards(tmp_path, hits=0, misses=20)
    far = [c for c in cards if c.place > 5]
    assert far
    assert all(c.extra.relation == "true" and c.extra.place == c.place for c in far)


def test_distances_are_metres_from_the_query_to_the_tile_s_centre(tmp_path):
    pack = MadePack()
    write_result(tmp_path)
    (entry,) = load_entries(tmp_path)
    ranks = load_ranks(entry)
    ranks.top_ids[0][:2] = ["t0000", "t0001"]
    card = make_cards(pack, entry, ranks, hits=1, misses=0)[0]
    assert card.tiles[0].distance_m == 0.0
    assert abs(card.tiles[1].distance_m - 100.0) < 0.5  # 0.0009 degrees of latitude
    assert card.tiles[1].relation == "overlaps"


def test_frames_that_a_single_image_model_did_not_see_are_marked(tmp_path):
    write_result(tmp_path, model="safa")
    (entry,) = load_entries(tmp_path)
    entry.content["model"]["variant"]["query"] = "centre"
    card = make_cards(MadePack(), entry, load_ranks(entry), hits=1, misses=0)[0]
    assert [f.used for f in card.frames] == [False] * 3 + [True] + [False] * 3


def test_a_long_sequence_is_thinned_and_keeps_its_middle_frame(tmp_path):
    write_result(tmp_path)
    (entry,) = load_entries(tmp_path)
    pack = MadePack(frames=21)
    card = make_cards(pack, entry, load_ranks(entry), hits=1, misses=0)[0]
    assert len(card.frames) <= 8
    assert any("11 of 21" in f.alt for f in card.frames)


def test_small_pictures_are_jpeg_and_never_enlarged():
    import base64
    import io

    from PIL import Image

    for height, width in ((10, 12), (512, 2048)):
        uri = small_jpeg(np.zeros((height, width, 3), np.uint8), FRAME_PX)
        image = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
        assert image.format == "JPEG"
        assert image.width <= min(width, FRAME_PX[0])
        assert image.height <= min(height, FRAME_PX[1])
