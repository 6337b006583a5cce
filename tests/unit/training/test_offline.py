from __future__ import annotations

from pathlib import Path

from services.training.offline import read_interactions


def test_recbole_files_are_read_in_time_order_with_ties_as_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ml.inter"
    path.write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n7\tb\t3\t9\n7\ta\t5\t1\n3\tc\t1\t4\n7\tc\t1\t9\n"
    )
    users, log = read_interactions(path)
    assert users == ["3", "7"]
    assert log.item_ids.tolist() == ["", "a", "b", "c"]
    assert [log.item_ids[rows].tolist() for rows in log.sequences()] == [["c"], ["a", "b", "c"]]
    assert log.times.tolist() == [4_000_000, 1_000_000, 9_000_000, 9_000_000]


def test_sequences_are_read_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "sequences.txt"
    path.write_text("1 30 10 20\n2 10\n")
    users, log = read_interactions(path)
    assert users == ["1", "2"]
    assert [log.item_ids[rows].tolist() for rows in log.sequences()] == [["30", "10", "20"], ["10"]]
