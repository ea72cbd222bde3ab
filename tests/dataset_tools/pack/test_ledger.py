import sqlite3

from dataset_tools.pack.ledger import Ledger, Shard


def shard(number, **changes):
    values = {"number": number, "pictures": 3, "size_bytes": 10, "sha256": "0" * 64}
    return Shard(**(values | changes))


def test_a_ledger_gives_back_what_was_recorded_in_another_run(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.record(shard(2))
        ledger.record(shard(0))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert ledger.shards() == {0: shard(0), 2: shard(2)}


def test_a_shard_recorded_twice_is_the_later_one(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.record(shard(0))
        ledger.record(shard(0, size_bytes=11))
        assert ledger.shards() == {0: shard(0, size_bytes=11)}


def test_a_row_is_on_the_disk_once_it_is_recorded(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.record(shard(0))
        other = sqlite3.connect(tmp_path / "l.sqlite")
        assert other.execute("SELECT count(*) FROM shards").fetchone() == (1,)
        other.close()
