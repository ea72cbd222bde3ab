import pytest
from made_town import ids, make_tile, street, together

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.splits import SplitRule, by_list, read_list

RULE = SplitRule(buffer_m=100.0)


def written(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def listed(splits):
    """Lines for the sequences of `street`, a letter each: t, v, e, d or - for none."""
    names = {"t": "train", "v": "val", "e": "test", "d": "dropped"}
    return [f"s-a{k:04},{names[s]}" for k, s in enumerate(splits) if s != "-"]


def test_a_list_is_taken_as_it_is_and_names_the_scheme(tmp_path):
    path = written(tmp_path / "published.csv", "id,split", *listed("tttvvee-d"))
    outcome = by_list(*street(9), path, RULE)
    assert outcome.schemes == ["published"]
    assert [len(ids(outcome, s, "sequence")) for s in ("train", "val", "test")] == [
        3,
        2,
        2,
    ]
    told = {r.item: r.reason for r in outcome.rejected}
    assert told == {"s-a0007": "not-listed", "s-a0008": "listed-as-dropped"}
    assert outcome.warnings == ()


@pytest.mark.parametrize(
    "lines",
    [
        ["s-a0000,train", "s-a0001,val"],
        ["sequence,s-a0000,train", "sequence,s-a0001,val"],
        ["split,sequence_id", "train,s-a0000", "val,s-a0001"],
        ["\ufeffKind,ID,Split", "sequence,s-a0000,train", "", "sequence,s-a0001,val"],
    ],
)
def test_a_header_may_name_the_columns_or_be_left_away(tmp_path, lines):
    given = read_list(written(tmp_path / "a.csv", *lines))
    assert given.sequences == {"s-a0000": "train", "s-a0001": "val"}


def test_a_list_without_validation_loses_some_training_places_to_it(tmp_path):
    data = street(60)
    path = written(tmp_path / "a.csv", *listed("t" * 50 + "e" * 10))
    outcome = by_list(*data, path, RULE)
    assert len(ids(outcome, "test", "sequence")) == 10
    assert 3 <= len(ids(outcome, "val", "sequence")) <= 12
    # Listed train stays beside listed test, and keeps off what was taken from it.
    train = set(ids(outcome, "train", "sequence"))
    assert "s-a0049" in train | set(ids(outcome, "val", "sequence"))
    assert {r.reason for r in outcome.rejected} == {"in-buffer"}
    bare = by_list(
        *data, path, SplitRule(buffer_m=0.0, shares={"train": 0.8, "test": 0.2})
    )
    assert len(ids(bare, "train", "sequence")) == 50


def test_a_list_with_too_few_places_to_validate_on_is_taken_and_told(tmp_path):
    path = written(tmp_path / "a.csv", *listed("tteee"))
    outcome = by_list(*street(5), path, RULE)
    assert len(ids(outcome, "train", "sequence")) == 2
    assert outcome.warnings == ("a.csv lists nothing to validate on.",)


def test_listed_galleries_are_taken_and_the_others_made(tmp_path):
    data = together(street(4))
    extra = make_tile("extra", 5000, 0)
    path = written(
        tmp_path / "a.csv",
        "kind,id,split",
        *(
            f"sequence,s-a{k:04},{s}"
            for k, s in enumerate(["test", "test", "val", "train"])
        ),
        "tile,t-a0000,test",
        "tile,extra,test",
        "tile,unknown,test",
    )
    outcome = by_list(data[0], data[1], [*data[2], extra], path, RULE)
    assert ids(outcome, "test", "tile") == ["extra", "t-a0000"]
    assert ids(outcome, "val", "tile") == ["t-a0002"]
    told = {r.item: (r.reason, r.measured) for r in outcome.rejected}
    assert told == {"s-a0001": ("answer-not-listed", "t-a0001")}
    assert (
        "1 of 7 ids that a.csv lists are not in the pack, such as 'unknown'"
        in (outcome.warnings[0])
    )


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("s-a0000,trian\n", UnreadableError, r"Line 1 of .*Did you mean 'train'"),
        ("tiles,s-a0000,test\n", UnreadableError, "has the kind 'tiles'"),
        ("s-a0000\n", UnreadableError, "has 1 columns"),
        ("id,split\na,train,b\n", UnreadableError, "Line 2 of .* has 3 columns"),
        ("a,train\na,test\n", UsageError, "puts the sequence 'a' into test"),
        ("a,train\n", UsageError, "it names 'a', they are called such as 's-a0000'"),
        ("", UsageError, "it names 'nothing'"),
    ],
)
def test_a_broken_list_is_one_clear_sentence(tmp_path, text, error, match):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(error, match=match):
        by_list(*street(3), path, RULE)


def test_a_list_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"no list of splits .*none\.csv"):
        by_list(*street(3), tmp_path / "none.csv", RULE)
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(UnreadableError, match="cannot be read as CSV"):
        by_list(*street(3), path, RULE)
