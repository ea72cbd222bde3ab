import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from made_run import write_result

from geobench.errors import DataError
from geobench.report.page import write_report

CROSS = {"id": "made-cross", "protocol": "cross-area", "switches": ["camera", "layout"]}


class Collector(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.images, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))


def _page(run):
    return write_report(run).read_text(encoding="utf-8")


def test_every_section_is_there(make_run):
    write_result(make_run)
    text = _page(make_run)
    for name in ("same-area", "cross-area", "sequence-length", "figures", "efficiency"):
        assert f'<section id="{name}">' in text
    assert '<section id="maps">' in text
    assert '<section id="gallery">' in text


def test_the_cross_area_section_names_the_switches_that_are_on(make_run):
    write_result(make_run, task=CROSS)
    assert "<strong>camera, layout</strong>" in _page(make_run)


def test_a_hostile_model_name_stays_text(make_run):
    write_result(make_run, model="x<img src=x onerror=alert(1)>")
    text = _page(make_run)
    assert "<img src=x" not in text
    assert "x&lt;img src=x onerror=alert(1)&gt;" in text


def test_hostile_switches_and_pack_names_stay_text(make_run):
    task = {**CROSS, "switches": ["<script>alert(1)</script>"]}
    pack = {"name": "<b>pack</b>", "content_sha256": "0" * 64}
    write_result(make_run, task=task, pack=pack)
    text = _page(make_run)
    assert "<script" not in text
    assert "<b>pack" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_the_page_has_no_script_and_no_address(make_run):
    write_result(make_run)
    text = _page(make_run)
    page = Collector(text)
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    assert all(i["src"].startswith("data:image/") for i in page.images)
    assert "http://" not in text
    assert "https://" not in text


def test_the_policy_allows_exactly_the_page_s_own_style(make_run):
    write_result(make_run)
    text = _page(make_run)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert " style=" not in text


def test_every_picture_has_an_alternative_text(make_run):
    write_result(make_run)
    assert all(i.get("alt") for i in Collector(_page(make_run)).images)


def test_the_page_stays_below_eight_megabytes_with_many_models(make_run):
    for index in range(9):
        write_result(make_run, model=f"model{index:02d}", seed=index)
        write_result(make_run, model=f"model{index:02d}", task=CROSS, seed=index)
    assert write_report(make_run).stat().st_size < 8e6


def test_figures_are_written_beside_the_page(make_run):
    write_result(make_run)
    for frames in (1, 7):
        task = {
            "id": f"made-len-{frames}",
            "protocol": "sequence-length",
            "frames": {"count": frames, "keep": "first", "seed": 0},
        }
        write_result(make_run, task=task)
    write_report(make_run)
    names = sorted(p.name for p in (make_run / "figures").iterdir())
    assert names == ["recall-at-1.png", "sequence-length.png"]


def test_a_run_without_packs_still_gets_its_page(tmp_path):
    write_result(tmp_path)
    text = _page(tmp_path)
    assert "No pack of this run" in text
    assert "<svg viewBox" in text  # the key of the map


def test_partial_and_tied_results_are_pointed_out(make_run):
    counts = {"queries": 24, "references": 84, "excluded": {}, "tied_queries": 5}
    write_result(make_run, partial=True, counts=counts)
    text = _page(make_run)
    assert "is partial" in text
    assert "5 tied queries" in text


def test_floors_get_no_cards_beside_trained_models(make_run):
    write_result(make_run, model="geodtr")
    write_result(make_run, model="random_embedding", recall=0.0)
    text = _page(make_run)
    assert "<summary>geodtr" in text
    assert "<summary>random_embedding" not in text


def test_rejections_are_listed_by_reason(make_run):
    write_result(make_run)
    assert "<td>clean</td><td>gap</td>" in _page(make_run)


def test_a_run_without_results_is_refused(tmp_path):
    (tmp_path / "results").mkdir()
    with pytest.raises(DataError, match="holds no result"):
        write_report(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        write_report(tmp_path / "nowhere")


def test_the_same_run_gives_the_same_page(make_run):
    write_result(make_run)
    assert _page(make_run) == _page(make_run)


def test_nothing_unfinished_is_left_behind(make_run):
    write_result(make_run)
    write_report(make_run)
    assert not list(make_run.rglob("*.part"))
