import pytest
from released import cvact, cvusa, put, vermont, vigor

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.originals import NAMES, importing, reader
from dataset_tools.originals.access import ACCESS, access
from dataset_tools.originals.importing import (
    ReleasePictures,
    import_release,
    settings_of,
)
from dataset_tools.pack.read import Pack

MAKERS = {"cvusa": cvusa, "cvact": cvact, "vigor": vigor, "vermont": vermont}


def test_every_data_set_has_a_reader_settings_and_an_address():
    assert list(MAKERS) == list(NAMES) == [entry.name for entry in ACCESS]
    assert set(importing.SETTINGS) == set(NAMES)
    for name in NAMES:
        assert name == reader(name).NAME
        assert access(name).files
        assert name.upper()[:3] in access(name).letter.upper()


def test_a_name_that_is_none_suggests_the_closest():
    with pytest.raises(UsageError, match="'cvusa'"):
        reader("cvuss")
    with pytest.raises(UsageError, match="'vigor'"):
        access("vigour")


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_is_private_names_its_terms_and_no_folder(tmp_path, name):
    root = MAKERS[name](tmp_path / "a very own folder")
    settings = settings_of(name, out=tmp_path / "x.pack", no_area_split=True)
    with Pack.open(import_release(name, root, settings).path) as pack:
        meta = pack.meta
    assert meta["private"] is True
    assert all("research only" in entry["licence"] for entry in meta["licences"])
    assert len(meta["licences"]) == 2
    assert meta["made_by"]["command"] == f"geobench data import {name}"
    assert "a very own folder" not in str(meta)
    assert str(tmp_path) not in str(meta)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_folder_gives_the_same_bytes(tmp_path, name):
    root = MAKERS[name](tmp_path / "R")
    hashes = set()
    # Starting processes takes seconds, so one data set stands for all.
    for number, workers in enumerate((1, 2 if name == "cvusa" else 1)):
        out = tmp_path / str(number) / "x.pack"
        settings = settings_of(name, out=out, no_area_split=True)
        report = import_release(name, root, settings, workers=workers)
        with Pack.open(report.path) as pack:
            hashes.add(pack.content_sha256)
    assert len(hashes) == 1


def test_an_interrupted_import_goes_on_and_ends_with_the_same_bytes(
    tmp_path, monkeypatch
):
    root = cvusa(tmp_path / "R", train=tuple(range(1, 40)), val=(40,), rows=40)
    settings = {"no_area_split": True}
    plain = import_release(
        "cvusa", root, settings_of("cvusa", out=tmp_path / "a.pack", **settings)
    )
    real, made = ReleasePictures._make, []

    def interrupted(self, record):
        made.append(record)
        # The first shard holds the 40 panoramas.
        if len(made) == 50:
            raise KeyboardInterrupt
        return real(self, record)

    given = settings_of("cvusa", out=tmp_path / "b.pack", **settings)
    monkeypatch.setattr(ReleasePictures, "_make", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_release("cvusa", root, given)
    assert not (tmp_path / "b.pack").exists()
    monkeypatch.setattr(ReleasePictures, "_make", real)
    report = import_release("cvusa", root, given)
    assert any("Going on with an interrupted run" in note for note in report.notes)
    with Pack.open(report.path) as pack, Pack.open(plain.path) as other:
        assert pack.content_sha256 == other.content_sha256


def test_an_existing_pack_is_refused_before_any_work(tmp_path):
    put(tmp_path / "x.pack/pack.json", "{}")
    with pytest.raises(UsageError, match="--overwrite"):
        import_release(
            "cvusa", tmp_path / "none", settings_of("cvusa", out=tmp_path / "x.pack")
        )


@pytest.mark.parametrize("name", NAMES)
def test_another_folder_is_told_with_what_it_holds(tmp_path, name):
    put(tmp_path / "notes/a.txt", "x")
    settings = settings_of(name, out=tmp_path / "x.pack")
    with pytest.raises(UnreadableError, match=f"does not look like {name}.*'notes'"):
        import_release(name, tmp_path, settings)
    put(tmp_path / "release.tar.gz", "x")
    with pytest.raises(UnreadableError, match=r"Unpack release\.tar\.gz first"):
        import_release(name, tmp_path, settings)


def test_too_few_places_for_three_areas_is_a_warning(tmp_path):
    root = vermont(tmp_path / "V", 3)
    settings = settings_of("vermont", out=tmp_path / "x.pack")
    report = import_release("vermont", root, settings)
    assert any("no split by area" in w for w in report.warnings)
    with Pack.open(report.path) as pack:
        assert "area" not in set(pack.splits["scheme"])


def test_progress_is_told_stage_by_stage(tmp_path):
    root = cvusa(tmp_path / "C")
    said = []
    import_release(
        "cvusa",
        root,
        settings_of("cvusa", out=tmp_path / "x.pack", no_area_split=True),
        progress=lambda *step: said.append(step),
    )
    stages = list(dict.fromkeys(s for s, _, _ in said))
    assert stages == ["lists", "pictures", "splits", "pack"]
    assert ("pictures", 8, 8) in said
    assert ("pack", 8, 8) in said
