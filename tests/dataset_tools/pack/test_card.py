import json

from click.testing import CliRunner
from made_pack import contents, make
from PIL import Image

from dataset_tools.pack.card import write_card
from dataset_tools.pack.check import check_pack
from geobench.cli.card import command


def test_the_card_says_counts_licence_splits_and_rejections(tmp_path):
    text = write_card(make(tmp_path)).read_text()
    for words in (
        "7 frames, 3 tiles, 3 sequences",
        "CC0-1.0",
        "| area | train | sequence | 2 |",
        "| clean | jump | 2 |",
        "| urban | 3 |",
        "Imagery captured 2023-05-31",
        "about 0.30 by 0.90 km",
    ):
        assert words in text


def test_the_map_is_a_picture_and_neither_changes_the_hash(tmp_path):
    path = make(tmp_path)
    write_card(path)
    with Image.open(path / "map.png") as picture:
        assert picture.width > 400
    assert check_pack(path) == []


def test_writing_the_card_again_gives_the_same_bytes(tmp_path):
    path = make(tmp_path)
    write_card(path)
    before = (path / "card.md").read_bytes(), (path / "map.png").read_bytes()
    write_card(path)
    assert before == ((path / "card.md").read_bytes(), (path / "map.png").read_bytes())


def test_names_from_strangers_stay_text(tmp_path):
    evil = "<script>alert(1)</script>|[x](javascript:y)$\\frac{"
    path = make(tmp_path, name=evil, licences=[{"source": evil, "licence": "```"}])
    text = write_card(path).read_text()
    assert "<script>" not in text.split("## Made by")[0]
    assert "[x](" not in text


def test_an_empty_pack_still_has_a_card(tmp_path):
    path = make(tmp_path, frames=[], tiles=[], sequences=[], split_rows=[])
    assert "no frame and no tile" in write_card(path).read_text()
    assert check_pack(path) == []


def test_the_command_prints_the_facts_as_json(tmp_path):
    path = make(tmp_path)
    facts = json.loads(CliRunner().invoke(command, [str(path), "--json"]).output)
    assert facts["counts"]["frames"] == len(contents().frames)
    assert facts["strata"] == {"urban": 3}
    assert not (path / "card.md").exists()
    CliRunner().invoke(command, [str(path)])
    assert (path / "card.md").is_file()
