"""SuiteTuner against a stand-in for NNI's dispatcher and manager, which call and answer as theirs do."""

import json
import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from datagen.errors import InputError
from trials import suite_tuner
from trials.ending import FAILURE
from trials.manager import Job, Manager
from trials.suite_tuner import SuiteTuner

SPACE = {
    "stage": {
        "_type": "choice",
        "_value": [
            {
                "_name": "search",
                "network.depth": {"_type": "choice", "_value": [3, 4]},
                "search.rate": {"_type": "loguniform", "_value": [0.01, 0.1]},
            },
            {"_name": "tune", "loss.ssim": {"_type": "uniform", "_value": [0.0, 1.0]}},
            {"_name": "compress", "compress.sparsity": {"_type": "quniform", "_value": [0.1, 0.9, 0.1]}},
        ],
    }
}
BUDGETS = {"search": 3, "tune": 4, "compress": 4}


class Record(Manager):
    """What the manager would answer."""

    def __init__(self) -> None:
        self.entries: dict[str, Job] = {}
        self.limit = 1000

    def jobs(self) -> list[Job]:
        return list(self.entries.values())

    def job(self, job_id: str) -> Job:
        return self.entries[job_id]

    def max_trials(self) -> float:
        return self.limit

    def set_max_trials(self, number: int) -> None:
        self.limit = number


@dataclass
class Experiment:
    """The manager with its queue, through several lives of the tuner; `concurrency` trials run at a time."""

    folder: Path
    budgets: dict[str, int]
    concurrency: int = 1

    def __post_init__(self) -> None:
        self.record = Record()
        # parameter id (None: of an earlier life), job id (None: not submitted yet), parameters
        self.queue: list[tuple[int | None, str | None, Any]] = []
        self.told: list[Any] = []
        self.start()

    def start(self, *, resume: bool = False) -> None:
        self.tuner = SuiteTuner(self.budgets, seed=1, manager=self.record)
        self.next_id = 0
        if resume:
            self.tuner.load_checkpoint()
        self.tuner.update_search_space(SPACE)
        if resume:
            jobs = self.record.jobs()
            self.queue = [(None, job.id, job.parameters) for job in jobs if not job.ended]
            self.tuner.import_data([{"parameter": job.parameters, "value": job.metric} for job in jobs if job.metric])
        self.ask(self.concurrency)

    def ask(self, number: int) -> None:
        ids = [self.next_id + step for step in range(number)]
        self.next_id += number
        sets = self.tuner.generate_multiple_parameters(ids, st_callback=self._take)
        for parameter_id, parameters in zip(ids, sets, strict=False):
            self._take(parameter_id, parameters)

    def _take(self, parameter_id: int, parameters: Any) -> None:
        self.told.append(parameters)
        self.queue.append((parameter_id, None, json.loads(json.dumps(parameters))))

    def submit(self) -> tuple[int | None, str]:
        """The manager starts the trial at the head of its queue."""
        parameter_id, job_id, parameters = self.queue.pop(0)
        job_id = job_id or f"job{len(self.record.entries)}"
        run = self.folder / job_id
        run.mkdir(parents=True, exist_ok=True)
        self.record.entries[job_id] = Job(job_id, "RUNNING", parameters, None, run)
        return parameter_id, job_id

    def finish(self, parameter_id: int | None, job_id: str, score: float | None) -> None:
        """The trial reports and ends (without a score: fails), and the manager asks for another one."""
        job = self.record.entries[job_id]
        status, metric = ("FAILED", None) if score is None else ("SUCCEEDED", {"default": score})
        assert job.folder is not None
        if status == "FAILED":
            (job.folder / FAILURE).write_text("by itself")
        if metric:
            (job.folder / "result.json").write_text(json.dumps({"genotype": f"cells of {job_id}"}))
        if metric and parameter_id is None:
            self.tuner.import_data([{"parameter": job.parameters, "value": metric}])
        elif metric:
            self.tuner.receive_trial_result(parameter_id, "", metric, trial_job_id=job_id)  # type: ignore[arg-type]
        self.record.entries[job_id] = replace(job, status=status, metric=metric)
        if parameter_id is not None:
            self.tuner.trial_end(parameter_id, metric is not None)
        if len(self.record.entries) < self.record.limit:
            self.ask(1)

    def run(self, *scores: float | None) -> None:
        """Runs as many trials one by one."""
        for score in scores:
            self.finish(*self.submit(), score)

    @property
    def done(self) -> bool:
        return not self.queue and len(self.record.entries) >= self.record.limit

    @property
    def stages(self) -> list[str | None]:
        return [job.stage for job in self.record.jobs()]


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return Experiment(tmp_path, BUDGETS)


def test_every_stage_gets_its_budget_in_order_and_then_the_experiment_ends(experiment: Experiment) -> None:
    experiment.run(*[0.1 * number for number in range(11)])
    assert experiment.stages == ["search"] * 3 + ["tune"] * 4 + ["compress"] * 4
    assert experiment.done


def test_the_stages_run_in_the_order_of_the_search_space(tmp_path: Path) -> None:
    one = Experiment(tmp_path, {"compress": 1, "tune": 1, "search": 1})
    one.run(0.1, 0.2, 0.3)
    assert one.stages == ["search", "tune", "compress"]


def test_the_winners_go_forward(experiment: Experiment) -> None:
    experiment.run(0.2, 0.7, 0.1, 0.3, 0.9, 0.4, 0.5)
    won = experiment.told[7]["winner"]
    assert won["parameters"] == {
        path: value
        for told in (experiment.told[1], experiment.told[4])
        for path, value in told["stage"].items()
        if path != "_name"
    }
    assert won["genotype"] == "cells of job4"
    assert won["run"] == str(experiment.folder / "job4")


def test_a_failed_trial_counts_in_the_budget_and_cannot_win(experiment: Experiment) -> None:
    experiment.run(0.1, None, None)
    assert experiment.told[3]["stage"]["_name"] == "tune"
    assert experiment.told[3]["winner"]["run"].endswith("job0")


def test_a_score_that_is_not_a_number_fails_the_trial(experiment: Experiment) -> None:
    experiment.run(float("nan"), 0.1, float("inf"))
    assert experiment.told[3]["winner"]["run"].endswith("job1")


def test_a_stage_in_which_all_trials_fail_ends_the_experiment_with_a_reason(
    experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        experiment.run(0.5, 0.6, 0.7, None, None, None, None)
    assert experiment.done
    assert "tune: every trial failed" in caplog.text


def test_a_trial_that_reports_and_then_fails_has_failed(experiment: Experiment) -> None:
    parameter_id, job_id = experiment.submit()
    assert parameter_id is not None
    experiment.tuner.receive_trial_result(parameter_id, "", {"default": 9.0}, trial_job_id=job_id)
    experiment.finish(parameter_id, job_id, None)
    experiment.run(0.1, 0.2)
    assert experiment.told[3]["winner"]["run"].endswith("job2")


def test_a_result_may_be_told_after_the_trial_ended(experiment: Experiment) -> None:
    experiment.run(0.1, 0.2)
    parameter_id, job_id = experiment.submit()
    assert parameter_id is not None
    job = experiment.record.entries[job_id]
    assert job.folder is not None
    (job.folder / "result.json").write_text("{}")
    end = threading.Thread(target=experiment.tuner.trial_end, args=(parameter_id, True))
    end.start()
    experiment.ask(1)  # the other thread: finds nothing to hand out yet
    experiment.tuner.receive_trial_result(parameter_id, "", {"default": 0.9}, trial_job_id=job_id)
    end.join()
    assert [told["stage"]["_name"] for told in experiment.told[3:]] == ["tune"]
    assert experiment.told[3]["winner"]["run"] == str(job.folder)


def test_a_trial_that_succeeds_without_a_result_has_failed(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite_tuner, "RESULT_DELAY", 0.01)
    experiment.run(0.1, 0.2)
    parameter_id, _ = experiment.submit()
    experiment.tuner.trial_end(parameter_id, True)
    experiment.ask(1)
    assert experiment.told[3]["winner"]["run"].endswith("job1")


def test_a_trial_that_a_user_added_is_left_alone(experiment: Experiment) -> None:
    experiment.tuner.trial_end(None, True)
    experiment.run(*[0.5] * 11)
    assert experiment.done


def test_the_same_seed_and_results_give_the_same_trials(tmp_path: Path) -> None:
    told = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        one = Experiment(tmp_path / name, BUDGETS)
        one.run(*[0.1 * number for number in range(11)])
        told.append([trial["stage"] for trial in one.told])
    assert told[0] == told[1]


def test_at_concurrency_2_a_stage_waits_for_both_trials_and_then_starts_two(tmp_path: Path) -> None:
    two = Experiment(tmp_path, {"search": 2, "tune": 2, "compress": 2}, concurrency=2)
    first, second = two.submit(), two.submit()
    two.finish(*second, 0.4)
    assert not two.queue
    two.finish(*first, 0.6)
    assert [parameters["stage"]["_name"] for _, _, parameters in two.queue] == ["tune", "tune"]
    assert two.queue[0][2]["winner"]["run"].endswith("job0")


def test_a_search_space_with_fewer_combinations_than_the_budget_ends_its_stage(tmp_path: Path) -> None:
    one = Experiment(tmp_path, {"search": 1, "tune": 1, "compress": 30})
    one.run(0.1, 0.2, *[0.3] * 9)  # nine sparsities
    assert one.stages.count("compress") == 9
    assert one.done


@pytest.mark.parametrize("budgets", [{}, {"search": 0}, {"search": 1.5}, {"search": "3"}])
def test_a_budget_is_a_whole_number_of_trials(budgets: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"tuner\.classArgs\.budgets"):
        SuiteTuner(budgets, manager=Record())


def test_budgets_and_branches_must_be_of_the_same_stages() -> None:
    with pytest.raises(InputError, match=r"got \['search', 'tune'\]; the search space has search, tune, compress"):
        SuiteTuner({"search": 1, "tune": 1}, manager=Record()).update_search_space(SPACE)


# Resumed experiments


def test_a_resumed_experiment_ends_with_the_full_budget(experiment: Experiment) -> None:
    experiment.run(0.3, 0.2, 0.1, 0.5)
    experiment.submit()  # is under way when the experiment is stopped
    experiment.start(resume=True)
    while experiment.queue:
        experiment.run(0.4)
    assert experiment.stages == ["search"] * 3 + ["tune"] * 4 + ["compress"] * 4
    assert experiment.done
    assert experiment.told[-1]["winner"]["run"].endswith("job3")


@pytest.mark.parametrize("score", [0.9, None])
def test_the_next_stage_waits_for_a_resubmitted_trial(experiment: Experiment, score: float | None) -> None:
    experiment.run(0.3, 0.2)
    experiment.submit()
    experiment.start(resume=True)
    assert [job_id for _, job_id, _ in experiment.queue] == ["job2"]
    experiment.run(score)
    assert {parameters["stage"]["_name"] for _, _, parameters in experiment.queue} == {"tune"}
    assert experiment.queue[0][2]["winner"]["run"].endswith("job2" if score else "job0")


def test_a_trial_that_was_killed_is_tried_again_with_the_same_parameters(experiment: Experiment) -> None:
    parameter_id, job_id = experiment.submit()
    assert parameter_id is not None
    experiment.record.entries[job_id] = replace(experiment.record.entries[job_id], status="FAILED")
    experiment.tuner.trial_end(parameter_id, False)
    experiment.ask(1)
    assert experiment.told[1]["stage"] == experiment.told[0]["stage"]
    experiment.run(*[0.1 * number for number in range(11)])
    assert experiment.stages == ["search"] * 4 + ["tune"] * 4 + ["compress"] * 4
    assert experiment.done


@pytest.mark.parametrize("ended", [1, 4, 8])
def test_a_resumed_experiment_tries_what_it_would_have_tried(tmp_path: Path, ended: int) -> None:
    scores = [0.1 * number for number in range(11)]
    whole, cut = (Experiment(tmp_path / name, BUDGETS) for name in ("whole", "cut"))
    whole.run(*scores)
    cut.run(*scores[:ended])
    cut.start(resume=True)
    cut.run(*scores[ended:])
    assert [job.settings for job in cut.record.jobs()] == [job.settings for job in whole.record.jobs()]


def test_trials_that_failed_before_get_a_new_chance(experiment: Experiment) -> None:
    experiment.run(0.3, None, 0.1)
    experiment.queue.clear()  # handed out, but not submitted when the experiment was stopped
    experiment.start(resume=True)
    while experiment.queue:
        experiment.run(0.4)
    assert experiment.stages.count("search") == 4
    assert len(experiment.stages) == 12
    assert experiment.done


def test_an_experiment_that_ended_for_want_of_a_winner_can_be_resumed(experiment: Experiment) -> None:
    experiment.run(0.3, 0.2, 0.1, None, None, None, None)
    assert experiment.done
    experiment.start(resume=True)
    while experiment.queue:
        experiment.run(0.4)
    assert len(experiment.stages) == 15
    assert experiment.done


def test_a_finished_experiment_that_is_resumed_hands_out_nothing(experiment: Experiment) -> None:
    experiment.run(*[0.1] * 11)
    experiment.start(resume=True)
    assert experiment.done


def test_a_resumed_tuner_does_not_try_again_what_it_tried_before(experiment: Experiment) -> None:
    experiment.run(0.3, 0.2, 0.1, 0.5, None, 0.5)  # the one that failed frees a place, and so a seed
    experiment.queue.clear()
    experiment.start(resume=True)
    experiment.run(0.5, 0.5)
    tried = [job.settings["loss.ssim"] for job in experiment.record.jobs() if job.stage == "tune"]
    assert len(set(tried)) == len(tried) == 5


def test_trials_that_a_user_added_do_not_count_after_a_resume(experiment: Experiment) -> None:
    experiment.record.entries["added"] = Job("added", "SUCCEEDED", {}, {"default": 1.0}, experiment.folder)
    experiment.queue.clear()
    experiment.start(resume=True)
    experiment.run(*[0.5] * 11)
    assert experiment.done


def test_imported_results_that_do_not_fit_are_left_out(
    experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    experiment.tuner.import_data(
        [
            {"parameter": {"lr": 1}, "value": 0.5},
            {"parameter": {"stage": {"_name": "tune"}}, "value": {"default": 1}},
            {"parameter": {"stage": {"_name": "tune", "loss.ssim": 0.5}}, "value": {"default": None}},
        ]
    )
    assert caplog.text.count("left out") == 3


def test_a_change_of_the_search_space_is_refused_and_loses_nothing(experiment: Experiment) -> None:
    experiment.run(0.1)
    experiment.tuner.update_search_space({"stage": {"_type": "choice", "_value": []}})
    experiment.run(*[0.5] * 10)
    assert experiment.done
