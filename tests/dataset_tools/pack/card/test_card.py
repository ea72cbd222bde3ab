import json
from html.parser import HTMLParser

from click.testing import CliRunner
from made_pack import contents, make
from PIL import Image

from dataset_tools.pack.bake import bake
from dataset_tools.pack.card import card_facts, write_card
from dataset_tools.pack.card.page import card_page
from dataset_tools.pack.card.sheet import draw_sheet
from dataset_tools.pack.card.text import card_text
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.format import CARD_FILES
from dataset_tools.pack.read import Pack
from dataset_tools.settings.bake import BakeSettings
from geobench.cli.card import command

PICTURES = dict.fromkeys(CARD_FILES[2:5], b"a picture")


def text_of(path):
    with Pack.open(path) as pack:
        return card_text(card_facts(pack))


def page_of(path):
    with Pack.open(path) as pack:
        return card_page(card_facts(pack), PICTURES)


def test_the_card_says_counts_licence_splits_and_rejections(tmp_path):
    text = text_of(make(tmp_path))
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


def test_writing_the_card_again_gives_the_same_bytes_and_no_other_hash(tmp_path):
    path = make(tmp_path)
    write_card(path)
    before = [(path / name).read_bytes() for name in CARD_FILES[:5]]
    write_card(path)
    assert before == [(path / name).read_bytes() for name in CARD_FILES[:5]]
    for name in PICTURES:
        with Image.open(path / name) as drawn:
            assert drawn.width > 400
    assert check_pack(path) == []


EVIL = "<script>alert(1)</script>|[x](javascript:y)$\\frac{"


def test_names_from_strangers_stay_text(tmp_path):
    path = make(tmp_path, name=EVIL, licences=[{"source": EVIL, "licence": "```"}])
    text = text_of(path)
    assert "<script>" not in text.split("## Made by")[0]
    assert "[x](" not in text


class Tags(HTMLParser):
    """Counts tags and collects the addresses that attributes name."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.addresses = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "data")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_one_file_without_scripts_and_addresses(tmp_path):
    path = make(tmp_path, name=EVIL, licences=[{"source": EVIL, "licence": EVIL}])
    text = page_of(path)
    tags = Tags(text)
    assert tags.open == []
    assert "script" not in tags.seen
    assert len(tags.addresses) == 3
    assert all(a.startswith("data:image/png;base64,") for a in tags.addresses)
    assert "Content-Security-Policy" in text
    assert "http" not in text.replace("http-equiv", "")


def test_a_private_pack_says_so_first(tmp_path):
    path = make(tmp_path, private=True)
    assert "**Private:**" in text_of(path).split("## Extent")[0]
    assert "<strong>Private:</strong>" in page_of(path)


def test_a_baked_pack_shows_its_preprocessing_and_is_drawn_too(tmp_path):
    settings = BakeSettings(ground_size=(8, 24), satellite_size=(8, 32), polar=True)
    path = bake(make(tmp_path), tmp_path / "b.pack", settings)
    text = text_of(path)
    assert "## Preprocessing" in text
    assert '"polar": true' in text
    with Pack.open(path) as pack:
        assert len(draw_sheet(pack)) > 10_000


def test_an_empty_pack_still_has_a_card(tmp_path):
    path = make(tmp_path, frames=[], tiles=[], sequences=[], split_rows=[])
    assert "no frame and no tile" in write_card(path).read_text()
    assert "no frame and no tile" in (path / "card.html").read_text()
    assert check_pack(path) == []


def test_the_command_prints_the_facts_as_json(tmp_path):
    path = make(tmp_path)
    facts = json.loads(CliRunner().invoke(command, [str(path), "--json"]).output)
    assert facts["counts"]["frames"] == len(contents().frames)
    assert facts["strata"] == {"urban": 3}
    assert not (path / "card.md").exists()
    said = CliRunner().invoke(command, [str(path)])
    assert "histograms.png" in said.output
    assert (path / "card.md").is_file()
