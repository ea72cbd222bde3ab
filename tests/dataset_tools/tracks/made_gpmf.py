"""Telemetry streams and videos around them, byte by byte."""

import struct


def klv(key, kind, rows, layout=None):
    """One key: rows of numbers in struct's layout, or bytes."""
    if isinstance(rows, bytes):
        size, count, data = 1, len(rows), rows
        if kind == "\x00":
            size, count = 1, len(rows)
    else:
        size, count = struct.calcsize(">" + layout), len(rows)
        data = b"".join(struct.pack(">" + layout, *row) for row in rows)
    head = struct.pack(">4scBH", key.encode(), kind.encode("latin-1"), size, count)
    return head + data + b"\x00" * (-len(data) % 4)


def nest(key, *parts):
    return klv(key, "\x00", b"".join(parts))


def gps5(places, *, moment="190103163334.000", fix=3, dop=141, scale=10**7):
    rows = [(round(a * scale), round(b * scale), 50_000, 0, 0) for a, b in places]
    return nest(
        "DEVC",
        klv("DVNM", "c", b"Camera"),
        nest(
            "STRM",
            klv("GPSF", "L", [(fix,)], "I"),
            klv("GPSU", "U", moment.encode()),
            klv("GPSP", "S", [(dop,)], "H"),
            klv("SCAL", "l", [(scale,), (scale,), (1000,), (1000,), (100,)], "i"),
            klv("GPS5", "l", rows, "iiiii"),
        ),
    )


def gps9(places, *, days=8297, fix=3):
    rows = [
        (round(a * 1e7), round(b * 1e7), 50_000, 0, 0, days, k * 100, 179, fix)
        for k, (a, b) in enumerate(places)
    ]
    scale = [(10**7,), (10**7,), (1000,), (1000,), (100,), (1,), (1000,), (100,), (1,)]
    return nest(
        "DEVC",
        nest(
            "STRM",
            klv("TYPE", "c", b"lllllllSS"),
            klv("SCAL", "l", scale, "i"),
            klv("GPS9", "?", rows, "iiiiiiiHH"),
        ),
    )


def box(kind, *parts):
    data = b"".join(parts)
    return struct.pack(">I4s", 8 + len(data), kind.encode()) + data


def table(kind, layout, rows, *, extra=b""):
    data = b"".join(struct.pack(">" + layout, *row) for row in rows)
    return box(kind, b"\x00" * 4, extra, struct.pack(">I", len(rows)), data)


def video(samples, *, handler="gpmd", seconds=1.0, wide=False):
    """An MP4 with one track that holds the samples, tables behind the data."""
    head = box("ftyp", b"isom" + b"\x00" * 4)
    place = len(head) + 8
    places = []
    for sample in samples:
        places.append((place,))
        place += len(sample)
    kind, layout = ("co64", "Q") if wide else ("stco", "I")
    stbl = box(
        "stbl",
        box("stsd", b"\x00" * 4, struct.pack(">I", 1), box(handler, b"\x00" * 8)),
        table("stts", "II", [(len(samples), round(1000 * seconds))]),
        table("stsc", "III", [(1, 1, 1)]),
        table("stsz", "I", [(len(s),) for s in samples], extra=b"\x00" * 4),
        table(kind, layout, places),
    )
    mdhd = box("mdhd", b"\x00" * 12, struct.pack(">III", 1000, 0, 0))
    trak = box("trak", box("mdia", mdhd, box("minf", stbl)))
    return head + box("mdat", *samples) + box("moov", trak)
