"""A trial whose host was lost is handed out once more, with the same parameters; a trial that failed is not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from trials.experiment.nni.manager import Job, Manager
from trials.experiment.tuner.suite_tuner import SuiteTuner
from trials.running.ending import FAILURE

SPACE = {
    "stage": {
        "_type": "choice",
        "_value": [{"_name": "tune", "loss.ssim": {"_type": "uniform", "_value": [0.0, 1.0]}}],
    }
}


class Record(Manager):
    """What the manager would answer."""

    def __init__(self) -> None:
        self.entries: list[Job] = []
        self.limit = 1000

    def jobs(self) -> list[Job]:
        return self.entries

    def job(self, job_id: str) -> Job:
        return self.entries[int(job_id)]

    def set_max_trials(self, number: int) -> None:
        self.limit = number


class Experiment:
    """Two trials of one stage; the manager's part."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.record, self.sent = folder, Record(), list[Any]()
        self.tuner = SuiteTuner({"tune": 2}, seed=1, manager=self.record)
        self.tuner.update_search_space(SPACE)

    def ask(self, parameter_id: int) -> Any:
        """The parameters under that id, None if there are none now; the trial starts."""
        ready = self.tuner.generate_multiple_parameters([parameter_id], st_callback=self.start)
        for parameters in ready:
            self.start(parameter_id, parameters)
        return ready[0] if ready else None

    def start(self, parameter_id: int, parameters: Any) -> None:
        self.sent.append(parameters)
        folder = self.folder / str(len(self.record.entries))
        folder.mkdir()
        self.record.entries.append(Job(folder.name, "RUNNING", parameters, None, folder))

    def end(self, parameter_id: int, number: int, *, score: float | None = None, lost: bool = False) -> None:
        job = self.record.entries[number]
        assert job.folder is not None
        if score is None and not lost:
            (job.folder / FAILURE).write_text("it diverged")
        if lost:
            (job.folder / "host-lost.txt").write_text("h was lost")
        if score is not None:
            (job.folder / "result.json").write_text("{}")
            metric = {"default": score}
            self.tuner.receive_trial_result(parameter_id, "", metric, trial_job_id=job.id)  # type: ignore[arg-type]
            job = replace(job, metric=metric)
        self.record.entries[number] = replace(job, status="FAILED" if score is None else "SUCCEEDED")
        self.tuner.trial_end(parameter_id, score is not None)


def test_a_trial_whose_host_was_lost_is_handed_out_again_and_counts_once(tmp_path: Path) -> None:
    experiment = Experiment(tmp_path)
    first, second = experiment.ask(0), experiment.ask(1)
    experiment.end(0, 0, lost=True)
    assert experiment.ask(2) == first
    experiment.end(1, 1, score=0.4)
    assert experiment.record.limit == 1000  # not over: the repeated trial runs
    experiment.end(2, 2, score=0.6)
    assert experiment.record.limit == 3
    best = max(experiment.tuner._schedule.trials, key=lambda trial: trial.score or 0)
    assert (best.settings, best.run) == ({"loss.ssim": first["stage"]["loss.ssim"]}, str(tmp_path / "2"))
    assert second != first


def test_an_id_that_had_to_wait_gets_the_lost_trial(tmp_path: Path) -> None:
    experiment = Experiment(tmp_path)
    first, _ = experiment.ask(0), experiment.ask(1)
    assert experiment.ask(2) is None  # NNI asks before it tells the end
    experiment.end(0, 0, lost=True)
    assert experiment.sent[-1] == first


def test_a_second_loss_is_a_failure(tmp_path: Path) -> None:
    experiment = Experiment(tmp_path)
    experiment.ask(0), experiment.ask(1)
    experiment.end(0, 0, lost=True)
    experiment.ask(2)
    experiment.end(2, 2, lost=True)
    assert experiment.ask(3) is None
    experiment.end(1, 1, score=0.4)
    assert experiment.record.limit == 3


def test_a_trial_that_failed_by_itself_is_not_repeated(tmp_path: Path) -> None:
    experiment = Experiment(tmp_path)
    experiment.ask(0), experiment.ask(1)
    experiment.end(0, 0)
    assert experiment.ask(2) is None


def test_the_lost_trial_of_another_one_does_not_excuse_a_failure(tmp_path: Path) -> None:
    experiment = Experiment(tmp_path)
    first, _ = experiment.ask(0), experiment.ask(1)
    experiment.end(0, 0, lost=True)
    experiment.end(1, 1)
    assert experiment.ask(2) == first
    assert experiment.ask(3) is None
