"""Plain folders of ECG files with tables of labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from real_records import real_signal_mv, to_adu, write_wfdb

from physioclr_core.data.prepare import prepare
from physioclr_core.data.prepared import open_prepared
from physioclr_core.data.sources.folder import folder_source
from physioclr_core.data.sources.source import Source
from physioclr_core.errors import UserFacingError

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture
def ecgs(tmp_path: Path) -> Path:
    """Return a folder of four real records, two of which have the same file name."""
    folder = tmp_path / "ecgs"
    for number, name in enumerate(("a", "b", "ward/c", "clinic/c")):
        write_wfdb(folder / name, to_adu(real_signal_mv(number)))
    return folder


def source_of(ecgs: Path, table: str | bytes) -> Source:
    path = ecgs.parent / "labels.csv"
    path.write_bytes(table.encode() if isinstance(table, str) else table)
    return folder_source(ecgs, path)


def test_without_a_table_every_record_is_its_own_patient_and_has_no_label(ecgs: Path, tmp_path: Path) -> None:
    source = folder_source(ecgs)
    assert [record.record_id for record in source.records] == ["ecgs:a", "ecgs:b", "ecgs:clinic/c", "ecgs:ward/c"]
    prepare(source, tmp_path / "out", 100.0)
    dataset = open_prepared(tmp_path / "out")
    assert len({*dataset.patient_id.tolist()}) == 4
    assert dataset.label_values.shape == (4, 0)
    assert dataset.fold.tolist() == [-1] * 4


def test_one_column_a_label_keeps_zero_and_unknown_apart_down_to_the_prepared_set(ecgs: Path, tmp_path: Path) -> None:
    table = (
        "\ufeffRecord,AFIB,patient,fold,LVH,age,sex\r\n"
        "b.hea,1,7,3,,61,F\r\n"
        "ward/c,0,8,10,1.0,> 89,male\r\n"
        "\r\n"
        "clinic\\c.dat,,7,3,0,,\r\n"
    )
    source = source_of(ecgs, table)
    assert source.label_names == ("AFIB", "LVH")
    assert source.remarks == ("1 records have no row in labels.csv; their labels are unknown.",)
    prepare(source, tmp_path / "out", 100.0)
    dataset = open_prepared(tmp_path / "out")
    nan = np.nan
    expected = np.array([[nan, nan], [1, nan], [nan, 0], [0, 1]], np.float32)
    np.testing.assert_array_equal(dataset.label_values, expected)
    assert dataset.patient_id.tolist() == ["record:ecgs:a", "ecgs:7", "ecgs:7", "ecgs:8"]
    assert dataset.fold.tolist() == [-1, 3, 3, 10]
    assert dataset.index["age_years"].to_pylist() == [None, 61.0, None, None]
    assert dataset.index["sex"].to_pylist() == [None, "female", None, "male"]


def test_a_column_of_labels_says_all_of_a_record_unless_it_is_empty(ecgs: Path, tmp_path: Path) -> None:
    source = source_of(ecgs, "record,labels,split\na,LVH; AFIB;,train\nb,-,val\nclinic/c,,test\n")
    assert source.label_names == ("AFIB", "LVH")
    prepare(source, tmp_path / "out", 100.0)
    dataset = open_prepared(tmp_path / "out")
    nan = np.nan
    expected = np.array([[1, 1], [0, 0], [nan, nan], [nan, nan]], np.float32)
    np.testing.assert_array_equal(dataset.label_values, expected)
    assert dataset.fold.tolist() == [1, 9, 10, -1]


def test_what_the_files_say_of_the_patient_is_kept_where_the_table_says_nothing(tmp_path: Path) -> None:
    header = write_wfdb(tmp_path / "ecgs" / "a", to_adu(real_signal_mv(0)))
    header.write_text(header.read_text() + "# patient_id: 12\n# Age: 50\n# Sex: Male\n", encoding="utf-8")
    write_wfdb(tmp_path / "ecgs" / "b", to_adu(real_signal_mv(1)))
    prepare(source_of(tmp_path / "ecgs", "record,patient,x\na,,1\nb,12,1\n"), tmp_path / "out", 100.0)
    dataset = open_prepared(tmp_path / "out")
    assert dataset.patient_id.tolist() == ["ecgs:12", "ecgs:12"]
    assert dataset.index["age_years"].to_pylist() == [50.0, None]


def test_a_patient_whom_only_the_files_name_is_in_one_split(tmp_path: Path) -> None:
    for name, entry in (("a", 0), ("b", 1)):
        header = write_wfdb(tmp_path / "ecgs" / name, to_adu(real_signal_mv(entry)))
        header.write_text(header.read_text() + "# patient_id: 12\n", encoding="utf-8")
    source = source_of(tmp_path / "ecgs", "record,split,x\na,train,1\nb,test,1\n")
    with pytest.raises(UserFacingError, match="patient ecgs:12 is in the folds 1 and 10"):
        prepare(source, tmp_path / "out", 100.0)


def test_records_of_every_readable_layout_are_found() -> None:
    names = [record.record_id for record in folder_source(DATA / "wfdb-special").records]
    assert "wfdb-special:100" in names
    # Segments are parts of their record.
    assert "wfdb-special:041s/041s" in names
    assert "wfdb-special:041s/041s01" not in names


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("record,x\na,1\nnone,1\nneither,0\n", r"not in the folder: the record none \(line 3\), neither \(line 4\)"),
        ("record,x,y\na,1,0\nb,0,\n", "no record has the label y"),
        ("record,x\na,1\na,0\n", r"the record a has two different rows \(lines 2 and 3\)"),
        ("record,x\na,1\na.hea,\n", "two different rows"),
        ("file,x\na,1\n", "the column record is missing; there are file, x"),
        ("record;x\na;1\n", "the column record is missing; there are record;x"),
        ("record,x\na,1\nb\xe9,1\n".encode("latin-1"), "is not UTF-8 text"),
        ("record,patient,fold,x\na,7,1,1\nb,7,2,0\n", r"patient 7 is in two splits \(lines 2 and 3\)"),
        ("record,patient,split,x\na,7,train,1\nb,7,Test,0\n", "patient 7 is in two splits"),
        ("record,x\nc,1\n", "line 2: c may be clinic/c.hea, ward/c.hea; give the path"),
        ("record,x\na,yes\n", "line 2: x is 'yes' instead of 0, 1 or empty"),
        ("record,x\na,1,1\n", "line 2 has 3 values instead of 2"),
        ("record,x\n,1\n", "line 2 names no record"),
        ("record,x,X\na,1,1\na,1,1\n", None),
        ("record,x,x\na,1,1\n", "the column x is there twice"),
        ("record,,x\na,1,1\n", "column 2 has no name"),
        ("record,labels,x\na,x,1\n", "has a column labels and the column x"),
        ("record,fold,split,x\na,1,train,1\n", "both a column fold and a column split"),
        ("record,fold,x\na,one,1\n", "the fold 'one' is no whole number"),
        ("record,split,x\na,dev,1\n", "the split 'dev' is none of train, val and test"),
        ("record,age,x\na,old,1\n", "line 2: The age .*old.* is not understood"),
        ("record,sex,x\na,1,1\n", "line 2: The sex .* is not understood"),
        ("", "is empty"),
        ("record,x\n", "no row besides the names"),
        ('record,x\na,"1\n', "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_sentence(ecgs: Path, table: str | bytes, said: str | None) -> None:
    if said is None:
        assert source_of(ecgs, table).label_names == ("x", "X")
        return
    with pytest.raises(UserFacingError, match=said) as caught:
        source_of(ecgs, table)
    assert str(caught.value).startswith(str(ecgs.parent / "labels.csv"))
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_is_named(ecgs: Path) -> None:
    with pytest.raises(UserFacingError, match=r"none\.csv: cannot be read \(No such file"):
        folder_source(ecgs, ecgs / "none.csv")
