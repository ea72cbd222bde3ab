"""A tiny drive: JPEGs with EXIF along one street, and an orthophoto below it."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import rasterio
from PIL import Image
from PIL.TiffImagePlugin import IFDRational
from rasterio.transform import from_origin

from dataset_tools.geodesy import LocalFrame, transformer

LAT, LON = 44.5, -72.6
CRS = "EPSG:32618"
START = datetime(2024, 6, 1, 12, tzinfo=UTC)


def _sexagesimal(value):
    value = abs(value)
    degrees = int(value)
    minutes = int((value - degrees) * 60)
    seconds = Fraction((value - degrees) * 3600 - minutes * 60).limit_denominator(10**6)
    return (
        IFDRational(degrees),
        IFDRational(minutes),
        IFDRational(seconds.numerator, seconds.denominator),
    )


def write_picture(path, *, lat=None, lon=None, heading=90.0, second=0, artist="Eve"):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(second).integers(0, 255, (12, 24, 3))
    image = Image.fromarray(noise.astype(np.uint8))
    exif = Image.Exif()
    exif[0x013B] = artist
    time = START + timedelta(seconds=second)
    exif.get_ifd(0x8769)[0x9003] = time.strftime("%Y:%m:%d %H:%M:%S")
    if lat is not None:
        gps = exif.get_ifd(0x8825)
        gps.update(
            {
                1: "N" if lat >= 0 else "S",
                2: _sexagesimal(lat),
                3: "E" if lon >= 0 else "W",
                4: _sexagesimal(lon),
                7: tuple(IFDRational(v) for v in (time.hour, time.minute, time.second)),
                16: "T",
                17: IFDRational(round(heading * 100), 100),
                29: time.strftime("%Y:%m:%d"),
            }
        )
    image.save(path, "JPEG", exif=exif, quality=90)


def write_drive(folder, *, count=30, north_m=0.0, session="s", step_m=8.0):
    """Pictures each `step_m` metres to the east, one a second."""
    frame = LocalFrame(LAT, LON)
    for i in range(count):
        lat, lon = frame.to_degrees(step_m * i, north_m)
        write_picture(
            folder / session / f"{i:04d}.jpg",
            lat=float(lat),
            lon=float(lon),
            second=i + round(north_m),
        )
    return folder


def write_ortho(
    path, *, west_m=-200, east_m=500, north_m=300, south_m=-200, px=1.0, **how
):
    """A noisy GeoTIFF around the drive in UTM 18N."""
    to_utm = transformer("EPSG:4326", CRS)
    x, y = to_utm.transform(LON, LAT)
    width, height = round((east_m - west_m) / px), round((north_m - south_m) / px)
    pixels = np.random.default_rng(1).integers(0, 255, (3, height, width))
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=3,
        dtype="uint8",
        crs=CRS,
        transform=from_origin(x + west_m, y + north_m, px, px),
        **how,
    ) as target:
        target.write(pixels.astype(np.uint8))
        target.update_tags(TIFFTAG_DATETIME="2023:05:31 00:00:00")
    return path
