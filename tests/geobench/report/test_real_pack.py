"""The page over a pack that was really written and is really read."""

import io

import numpy as np
from made_run import write_result
from PIL import Image

from dataset_tools.imagery.tile_list import footprint
from dataset_tools.pack.write import PackContents, write_pack
from dataset_tools.records import Frame, Sequence, Tile
from geobench.report.page import write_report

STEP_DEG = 0.0009


def _jpeg(kind, name):
    shade = sum(map(ord, name)) % 256
    buffer = io.BytesIO()
    Image.fromarray(np.full((40, 80, 3), shade, np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def _tile(index):
    lat, lon = 44.0 + STEP_DEG * index, -72.0
    return Tile(
        tile_id=f"t{index:04d}",
        lat=lat,
        lon=lon,
        footprint=footprint(lat, lon, side_m=80.0),
        m_per_px=0.5,
        width_px=160,
        height_px=160,
        source="made here",
        licence="CC0-1.0",
    )


def _contents(queries=24, tiles=97):
    frames, sequences = [], []
    for i in range(queries):
        place = {"lat": 44.0 + STEP_DEG * i, "lon": -72.0}
        ids = tuple(f"s{i:03d}/f{k}" for k in range(3))
        frames += [
            Frame(
                frame_id=f, session_id="a", order=3 * i + k, source=f"{f}.jpg", **place
            )
            for k, f in enumerate(ids)
        ]
        sequences.append(
            Sequence(
                sequence_id=f"s{i:03d}",
                region="made",
                frame_ids=ids,
                length_m=0.0,
                positives=(f"t{i:04d}",),
                **place,
            )
        )
    gallery = [_tile(i) for i in range(tiles)]
    rows = [("area", "test", "sequence", s.sequence_id) for s in sequences]
    rows += [("area", "test", "tile-open", t.tile_id) for t in gallery]
    return PackContents(
        name="made",
        frames=frames,
        tiles=gallery,
        sequences=sequences,
        split_rows=rows,
        licences=[],
        made_by={"command": "test", "parameters": {}, "versions": {}},
        rejections={"clean": {"gap": 4}},
    )


def test_a_written_pack_is_shown_with_map_and_cards(tmp_path):
    write_pack(tmp_path / "packs" / "made.pack", _contents(), picture=_jpeg)
    write_result(tmp_path)
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert text.count('<article class="card">') == 6
    assert "geodtr on made, same-area: 12 hits" in text
    assert "<td>clean</td><td>gap</td>" in text
