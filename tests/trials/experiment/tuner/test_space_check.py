"""What a search space replaces in a preset."""

from trials.experiment.tuner.space_check import overridden

SPACE = {
    "stage": {
        "_type": "choice",
        "_value": [
            {"_name": "search", "seed": {"_type": "randint", "_value": [1, 9]}},
            {"_name": "compress", "compress.sparsity": {"_type": "choice", "_value": [0.3, 0.6]}},
        ],
    }
}


def test_a_setting_that_counts_for_nothing_is_told() -> None:
    lines = overridden(SPACE, {"seed": 7, "compress": {"sparsity": 0.5, "epochs": 2}, "tune": {"epochs": 3}})
    assert lines == ["compress.sparsity: 0.5 does not count; the search space gives stage compress 0.3, 0.6"]


def test_nothing_is_told_of_settings_left_out() -> None:
    assert overridden(SPACE, {"compress": {"epochs": 2}}) == []
