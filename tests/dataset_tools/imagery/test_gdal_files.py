import socket
import threading

import numpy as np
import pytest
import rasterio

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.imagery import gdal_files
from dataset_tools.imagery.gdal_files import known_system

MIDDLE = (690_100.0, 4_929_925.0)
BAND = (
    '<VRTRasterBand dataType="Byte" band="{n}"><SimpleSource>'
    "<SourceFilename>{file}</SourceFilename><SourceBand>1</SourceBand>"
    "</SimpleSource></VRTRasterBand>"
)


@pytest.fixture
def listening():
    """A port of this machine, and what has been asked of it."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(5)
    asked = []

    def wait():
        while True:
            try:
                caller, _ = server.accept()
            except OSError:
                return
            asked.append(caller.recv(100))
            caller.close()

    threading.Thread(target=wait, daemon=True).start()
    yield server.getsockname()[1], asked
    server.close()


def vrt(secret, width, height):
    bands = "".join(BAND.format(n=n, file=secret) for n in (1, 2, 3))
    return (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">{bands}</VRTDataset>'
    )


@pytest.mark.parametrize("suffix", [".ovr", ".aux.xml"])
def test_what_lies_beside_a_file_cannot_bring_in_another_file(
    write_raster, tmp_path, opened, place, suffix
):
    secret = write_raster(np.full((150, 200, 3), 200, np.uint8), name="secret.tif")
    mine = write_raster(np.full((300, 400, 3), 10, np.uint8), name="mine.tif")
    other = tmp_path / "other.vrt"
    other.write_text(vrt(secret, 200, 150))
    text = (
        other.read_text()
        if suffix == ".ovr"
        else '<PAMDataset><Metadata domain="OVERVIEWS">'
        f'<MDI key="OVERVIEW_FILE">{other}</MDI></Metadata></PAMDataset>'
    )
    (tmp_path / f"mine.tif{suffix}").write_text(text)
    with rasterio.open(mine) as dataset:  # without our care GDAL follows it
        assert dataset.read(1, out_shape=(75, 100)).max() == 200
    crop = opened(mine).crop(*place(*MIDDLE), side_m=120.0, size_px=30)
    assert crop.max() == 10


def test_an_overview_named_inside_a_file_is_refused(write_raster, opened, tmp_path):
    secret = write_raster(np.full((150, 200, 3), 200, np.uint8), name="secret.tif")
    mine = write_raster(np.full((300, 400, 3), 10, np.uint8), name="mine.tif")
    with rasterio.open(mine, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(secret))
    with pytest.raises(UnreadableError, match="names a file of overviews"):
        opened(mine)


def test_no_address_named_inside_a_file_is_asked(write_raster, opened, listening):
    port, asked = listening
    mine = write_raster(np.full((300, 400, 3), 10, np.uint8))
    with rasterio.open(mine, "r+") as dataset:
        address = f"/vsicurl/http://127.0.0.1:{port}/a.tif"
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=address)
    asked.clear()
    with pytest.raises(UnreadableError, match="not followed"):
        opened(mine)
    assert asked == []


def test_a_mask_beside_a_file_is_told_and_not_ignored(write_raster, opened, tmp_path):
    mine = write_raster(np.full((30, 40, 3), 10, np.uint8))
    (tmp_path / "ortho.tif.msk").write_text("anything")
    with pytest.raises(UnreadableError, match="INTERNAL_MASK"):
        opened(mine)


def test_a_driver_that_is_missing_is_named(write_raster, opened, monkeypatch):
    path = write_raster(np.full((30, 40, 3), 10, np.uint8))
    monkeypatch.setattr(gdal_files, "SIGNATURES", ((b"II*\x00", "NoSuchDriver"),))
    with pytest.raises(UnreadableError, match="driver NoSuchDriver, which this"):
        opened(path)


def test_a_file_of_one_huge_piece_is_refused(write_raster, opened, monkeypatch):
    path = write_raster(np.zeros((512, 512, 3), np.uint8), tiled=True, blockxsize=512)
    monkeypatch.setattr(gdal_files, "MAX_BLOCK_BYTES", 100_000)
    with pytest.raises(UnreadableError, match="TILED=YES"):
        opened(path)


@pytest.mark.parametrize("text", ["EPSG:32618", "epsg:32618", "ESRI:102008"])
def test_codes_of_authorities_are_systems(text):
    assert known_system(text).is_projected
    assert known_system(known_system(text).to_wkt()).is_projected


@pytest.mark.parametrize(
    "text",
    [
        "/etc/hostname",
        "http://127.0.0.1/a.prj",
        "EPSG:99999999",
        "",
        "utm 18",
        "GEOGCS[",
    ],
)
def test_names_of_files_and_addresses_are_no_systems(text):
    with pytest.raises(UsageError, match="no known coordinate reference system"):
        known_system(text)
