from dataclasses import replace
from datetime import UTC, datetime

import pytest
from made_town import check_guarantees, ids, make_tile, street, together

from dataset_tools.errors import UsageError
from dataset_tools.splits import SplitRule, Years, by_year


def drive(year, count=40, **options):
    day = datetime(year, 6, 1, tzinfo=UTC)
    return street(count, name=f"y{year}-", day=day, **options)


def split_of(outcome):
    return {r[3]: r[1] for r in outcome.rows if r[2] == "sequence"}


def years_in(outcome, split):
    return {i[3:7] for i in ids(outcome, split, "sequence")}


def test_the_last_year_tests_and_a_part_of_the_others_validates():
    data = together(drive(2019), drive(2020, north=2000.0), drive(2021, north=4000.0))
    outcome = by_year(*data, SplitRule(buffer_m=80.0))
    assert years_in(outcome, "test") == {"2021"}
    assert years_in(outcome, "train") == {"2019", "2020"}
    assert years_in(outcome, "val") < {"2019", "2020", "x"}
    check_guarantees(outcome, data, buffer_m=80.0)


def test_named_years_go_where_they_are_named():
    data = together(*(drive(y, north=1e3 * (y - 2018)) for y in (2018, 2019, 2020)))
    years = Years(test=(2018,), val=(2020,))
    outcome = by_year(*data, SplitRule(buffer_m=80.0), years=years)
    found = [years_in(outcome, s) for s in ("train", "val", "test")]
    assert found == [{"2019"}, {"2020"}, {"2018"}]
    assert outcome.rejected == []


def test_the_same_road_in_another_year_is_tested_where_revisits_may_meet():
    data = together(drive(2019), drive(2021, north=3.0))
    meet = by_year(*data, SplitRule(buffer_m=50.0, revisit_buffer_m=0.0))
    assert len(ids(meet, "test", "sequence")) == 40
    train, val = (ids(meet, s, "sequence") for s in ("train", "val"))
    assert len(train) > len(val) > 0
    assert len(train) + len(val) + len(meet.rejected) == 40
    with pytest.raises(UsageError, match="at 0 the same place may be tested"):
        by_year(*data, SplitRule(buffer_m=200.0))


def test_a_sequence_belongs_to_one_year_or_to_none():
    data = together(drive(2019), drive(2021, north=2000.0))
    frames = dict(data[1])
    late, lost = frames["y2019-0001"], frames["y2019-0005"]
    new_year = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 10**9
    frames[late.frame_id] = replace(late, time=new_year)
    frames[lost.frame_id] = replace(lost, time=None)
    outcome = by_year(data[0], frames, data[2], SplitRule(buffer_m=0.0))
    told = {r.item: (r.reason, r.measured) for r in outcome.rejected}
    assert told["s-y2019-0000"] == ("two-years", "2019 and 2020")
    assert told["s-y2019-0002"] == ("no-time", None)


def test_a_drive_of_one_year_is_tested_against_imagery_of_another():
    data = together(
        drive(2019, captured="2018-05-01"),
        drive(2021, north=2000.0, captured="2018-05-01"),
        drive(2022, north=4000.0, captured="2023-05-01"),
    )
    spare = [make_tile("old", 9000, 0, "2018-05-01"), make_tile("new", 9000, 500, None)]
    years = Years(test=(2021, 2022), train_imagery=(2018,), test_imagery=(2018,))
    outcome = by_year(
        data[0], data[1], [*data[2], *spare], SplitRule(buffer_m=50.0), years=years
    )
    dropped = {r.item[:7]: (r.reason, r.measured, r.limit) for r in outcome.rejected}
    assert dropped["s-y2022"] == ("imagery-year", 2023, "2018")
    assert years_in(outcome, "test") == {"2021"}
    open_ = ids(outcome, "test", "tile-open")
    assert "old" in open_
    assert "new" not in open_


@pytest.mark.parametrize(
    ("years", "match"),
    [
        ({"test": (2035,)}, r"No sequence was driven in 2035.*\[2019, 2021\]"),
        ({"test": (2019,), "val": (2021,)}, "leaves none to train on"),
        ({"test": (2019,), "val": (2019,)}, "one of --val-year and --test-year"),
    ],
)
def test_years_that_leave_nothing_are_refused(years, match):
    data = together(drive(2019), drive(2021, north=2000.0))
    with pytest.raises(UsageError, match=match):
        by_year(*data, SplitRule(buffer_m=0.0), years=Years(**years))


def test_drives_without_any_time_cannot_be_split_by_year():
    with pytest.raises(UsageError, match="No sequence has a time"):
        by_year(*street(9), SplitRule(buffer_m=0.0))
