"""SuiteTuner against a stand-in for NNI's dispatcher and manager, which call and answer as theirs do."""

import json
import logging
import tempfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.errors import InputError
from trials.experiment.nni.manager import Job, Manager
from trials.experiment.tuner import suite_tuner
from trials.experiment.tuner.algorithms import WORKING
from trials.experiment.tuner.suite_tuner import SuiteTuner
from trials.running.ending import FAILURE

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
    algorithms: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.record = Record()
        # parameter id (None: of an earlier life), job id (None: not submitted yet), parameters
        self.queue: list[tuple[int | None, str | None, Any]] = []
        self.told: list[Any] = []
        self.start()

    def start(self, *, resume: bool = False) -> None:
        self.tuner = SuiteTuner(self.budgets, seed=1, algorithms=self.algorithms, manager=self.record)
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

    def finish(
        self, parameter_id: int | None, job_id: str, score: float | None, *, stopped: bool = False, size: int = 10
    ) -> None:
        """The trial reports and ends (without a score: fails, or is stopped), and the manager asks for another one."""
        job = self.record.entries[job_id]
        status, metric = ("FAILED", None) if score is None else ("SUCCEEDED", {"default": score})
        assert job.folder is not None
        if status == "FAILED":
            (job.folder / FAILURE).write_text("by itself")
        if metric:
            (job.folder / "config.yml").write_text("network: {model: nasunet, max_parameters: 1000}")
            (job.folder / "result.json").write_text(json.dumps({"genotype": f"cells of {job_id}", "parameters": size}))
        if metric and parameter_id is None:
            self.tuner.import_data([{"parameter": job.parameters, "value": metric}])
        elif metric:
            self.tuner.receive_trial_result(parameter_id, "", metric, trial_job_id=job_id)  # type: ignore[arg-type]
        self.record.entries[job_id] = replace(job, status="EARLY_STOPPED" if stopped else status, metric=metric)
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
    assert "tune: no trial has won" in caplog.text


def test_a_network_above_the_limit_counts_in_the_budget_and_cannot_win(experiment: Experiment) -> None:
    experiment.run(0.1, 0.2)
    experiment.finish(*experiment.submit(), 0.9, size=1001)
    assert experiment.told[3]["stage"]["_name"] == "tune"
    assert experiment.told[3]["winner"]["run"].endswith("job1")


def test_a_stage_of_networks_above_the_limit_ends_the_experiment_with_a_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = Experiment(tmp_path, {"search": 2, "tune": 1, "compress": 1})
    one.finish(*one.submit(), 0.9, size=1001)
    one.finish(*one.submit(), None)
    assert one.done
    assert "search: no trial has won" in caplog.text
    assert "1 × its network has 1001 parameters, network.max_parameters is 1000" in caplog.text
    assert "1 × it failed" in caplog.text


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


def test_every_algorithm_fills_every_budget(tmp_path: Path) -> None:
    for algorithm in WORKING:
        (tmp_path / algorithm).mkdir()
        one = Experiment(tmp_path / algorithm, BUDGETS, algorithms=dict.fromkeys(BUDGETS, algorithm))
        one.run(0.1, None, 0.3, 0.1, 0.2)
        one.start(resume=True)
        while one.queue:
            one.run(0.4)
        assert one.done
        assert [one.stages.count(stage) for stage in BUDGETS] == [4, 4, 4]  # the failed search has a new chance
        drawn = [json.dumps(job.settings) for job in one.record.jobs() if job.stage == "tune"]
        assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize(
    ("algorithms", "complaint"),
    [
        ({"search": "Anneal"}, "algorithms.search: got 'Anneal': NNI has it, but it fails after two trials"),
        ({"tune": "tpe"}, "got 'tpe': unknown; usable are TPE, Random, GridSearch, Evolution"),
        ({"train": "TPE"}, "got a stage 'train'; the budgets have search, tune, compress"),
        ("Random", "write stage: algorithm"),
    ],
)
def test_an_algorithm_that_does_not_work_is_refused(algorithms: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        SuiteTuner(BUDGETS, algorithms=algorithms, manager=Record())


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


@pytest.mark.parametrize("algorithm", WORKING)
def test_every_algorithm_tries_after_a_resume_what_it_would_have_tried(tmp_path: Path, algorithm: str) -> None:
    scores = [0.1 * number for number in range(11)]
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    algorithms = dict.fromkeys(BUDGETS, algorithm)
    whole, cut = (Experiment(tmp_path / name, BUDGETS, algorithms=algorithms) for name in ("whole", "cut"))
    whole.run(*scores)
    cut.run(*scores[:5])
    cut.start(resume=True)
    cut.run(*scores[5:])
    assert [job.settings for job in cut.record.jobs()] == [job.settings for job in whole.record.jobs()]


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


# Random histories against a model of ten lines


@dataclass
class Expected:
    """One trial that should count."""

    told: dict[str, Any]
    job: str | None = None  # none before it was submitted
    end: str = ""  # scored, failed, stopped or big; empty while it runs
    score: float = 0.0

    @property
    def stage(self) -> str:
        return str(self.told["stage"]["_name"])


class Model:
    """Which stage should go on now, and with which winner."""

    def __init__(self, budgets: dict[str, int]) -> None:
        self.budgets = budgets
        self.trials: list[Expected] = []

    def winner(self, stage: str) -> Expected | None:
        scored = [trial for trial in self.trials if trial.stage == stage and trial.end == "scored"]
        return max(scored, key=lambda trial: trial.score, default=None)

    def next(self) -> tuple[str, str | None] | None:
        """(stage, job that has won the one before) of a trial that may start."""
        before = None
        for stage, budget in self.budgets.items():
            trials = [trial for trial in self.trials if trial.stage == stage]
            if len(trials) < budget:
                return stage, before
            winner = self.winner(stage)
            if not all(trial.end for trial in trials) or winner is None:
                return None
            before = winner.job
        return None

    def expect(self, told: list[dict[str, Any]]) -> None:
        for one in told:
            assert self.next() == (one["stage"]["_name"], Path(one["winner"]["run"]).name if "winner" in one else None)
            self.trials.append(Expected(one))


STEPS = st.tuples(st.sampled_from(["scored"] * 4 + ["failed", "stopped", "big", "resume"]), st.integers(0, 9))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    budgets=st.tuples(*[st.integers(1, 4)] * 3),
    concurrency=st.integers(1, 3),
    algorithm=st.sampled_from(WORKING),
    steps=st.lists(STEPS, max_size=25),
)
def test_any_history_of_ends_and_resumes_agrees_with_the_model(
    budgets: tuple[int, int, int], concurrency: int, algorithm: str, steps: list[tuple[str, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        live_through(Path(folder), dict(zip(BUDGETS, budgets, strict=True)), concurrency, algorithm, steps)


def live_through(
    folder: Path, budgets: dict[str, int], concurrency: int, algorithm: str, steps: list[tuple[str, int]]
) -> None:
    one = Experiment(folder, budgets, concurrency, dict.fromkeys(budgets, algorithm))
    model, running, seen = Model(budgets), list[tuple[int | None, str]](), 0
    by_job: dict[str, Expected] = {}
    for what, pick in [*steps, *[("scored", 0)] * 40]:
        model.expect(one.told[seen:])
        seen = len(one.told)
        while one.queue and len(running) < concurrency:
            told = one.queue[0][2]
            running.append(one.submit())
            waiting = next((t for t in model.trials if t.job is None and t.told["stage"] == told["stage"]), None)
            if waiting is not None and running[-1][1] not in by_job:
                waiting.job = running[-1][1]
                by_job[waiting.job] = waiting
        if not running:
            break
        if what == "resume":  # the manager has lost what was not submitted; failed trials get a new chance
            model.trials = [trial for trial in model.trials if trial.job is not None and trial.end != "failed"]
            running.clear()
            one.start(resume=True)
            continue
        parameter_id, job = running.pop(pick % len(running))
        by_job[job].end, by_job[job].score = what, pick / 10
        score = pick / 10 if what in ("scored", "big") else None
        one.finish(parameter_id, job, score, stopped=what == "stopped", size=1001 if what == "big" else 10)
    assert one.done
    assert model.next() is None
    assert all(trial.end for trial in model.trials)
