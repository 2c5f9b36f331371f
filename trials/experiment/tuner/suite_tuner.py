"""SuiteTuner: the NNI tuner that runs the stages of one experiment one after the other.

    search: TPE ──winner──► tune: TPE ──winner──► compress: TPE ──► no more trials

Every stage has its budget of trials and its own algorithm (algorithms.py) over its branch of the space, so that
results of several stages never mix.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

import requests
from nni import NoMoreTrialError
from nni.tuner import Tuner

from datagen.errors import InputError
from trials.experiment.nni.manager import Job, Manager
from trials.experiment.tuner.algorithms import make_tuner, require_known, reseed
from trials.experiment.tuner.lost_hosts import RetryQueue
from trials.experiment.tuner.schedule import Schedule, Trial, final_score

log = logging.getLogger(__name__)

REDRAWS = 20  # of a trial that was drawn before
SPARE = 1000  # trials allowed above the budgets: at its limit NNI asks for none in place of one whose host was lost
RESULT_DELAY = 20.0  # [s] NNI reports a trial's end and its result on two threads; the result may come second


class SuiteTuner(Tuner):  # type: ignore[misc]  # nni has no types
    """Generates the trials of all stages; the highest `default` wins a stage.

    Parameters
    ----------
    budgets
        Stage → number of trials; the stages run in the order of the search space.  Trials that fail or are
        stopped early count; a network above `network.max_parameters` counts but cannot win.
    seed
        Of the algorithms.  The same seed and the same results give the same trials.
    algorithms
        Stage → TPE, Random, GridSearch or Evolution; by default TPE.

    After `nnictl resume`, trials that succeeded or were stopped early keep their place in the budget, unfinished trials
    run again from NNI's own queue, and failed trials get a new chance.  Several trials may run at a time
    (`trialConcurrency`): with the guard active each gets and shows its own parameters.
    """

    def __init__(
        self,
        budgets: dict[str, int],
        seed: int = 0,
        algorithms: dict[str, str] | None = None,
        manager: Manager | None = None,
    ) -> None:
        if not isinstance(budgets, dict) or not budgets or any(map(_no_budget, budgets.values())):
            raise InputError(f"tuner.classArgs.budgets: got {budgets}; each stage needs 1 trial or more")
        if type(seed) is not int or seed < 0:
            raise InputError(f"tuner.classArgs.seed: got {seed!r}; allowed is a whole number from 0 on")
        self._schedule = Schedule(budgets)
        self._seed = seed
        self._algorithms = _checked(algorithms or {}, budgets)
        self._manager = manager or Manager.of_dispatcher()
        self._tuners: dict[str, Tuner] = {}
        self._handed: dict[int, Trial] = {}  # since the last resume, by NNI's parameter id
        self._retries = RetryQueue()  # trials whose host was lost
        self._reported: dict[int, tuple[str, Any]] = {}  # since the last resume, parameter id → (job id, final metric)
        self._resubmitted: dict[str, Trial] = {}  # from before a resume and not ended yet, by job id
        self._unserved: list[int] = []  # parameter ids that NNI requested when no trial could start
        self._send: Callable[[int, Any], None] | None = None
        self._changed = threading.Condition()  # NNI calls from two threads

    # What NNI calls, in the order of an experiment's life

    def load_checkpoint(self) -> None:
        """Called on resume: reads the earlier trials from the manager."""
        with self._changed:
            jobs = self._manager.jobs()
            for job in jobs:
                self._recall(job)
            room = len(jobs) + self._schedule.missing
            if self._manager.max_trials() < room:
                self._manager.set_max_trials(room + SPARE)  # `_close` had lowered it

    def update_search_space(self, search_space: dict[str, Any]) -> None:
        """Takes the branches of the nested space; a change while the experiment runs is not supported."""
        if self._tuners:
            log.warning("the search space of a running experiment cannot be changed; start a new one")
            return
        branches = {branch["_name"]: branch for branch in search_space["stage"]["_value"]}
        budgets = self._schedule.budgets
        if branches.keys() != budgets.keys():
            known = ", ".join(branches)
            raise InputError(f"tuner.classArgs.budgets: got {list(budgets)}; the search space has {known}")
        self._schedule.budgets = {stage: budgets[stage] for stage in branches}
        for stage, budget in self._schedule.budgets.items():
            space = {path: span for path, span in branches[stage].items() if path != "_name"}
            self._tuners[stage] = make_tuner(self._algorithms.get(stage, "TPE"), space, budget)

    def import_data(self, data: list[dict[str, Any]]) -> None:
        """Results from before a resume, and those of resubmitted trials: their stage's algorithm learns from them.

        The budget is counted from the manager's record, because NNI does not report here which trials ended.
        """
        with self._changed:
            for entry in data:
                try:
                    settings = dict(entry["parameter"]["stage"])
                    tuner = self._tuners[settings.pop("_name")]
                    tuner.import_data([{"parameter": settings, "value": _required_score(entry["value"])}])
                except (KeyError, TypeError, ValueError) as error:
                    log.warning("left out, it does not fit the search space: %r in %s", error, entry)

    def generate_multiple_parameters(self, parameter_id_list: list[int], **kwargs: Any) -> list[Any]:
        """Parameters for the first of the ids; the others are served when other trials have ended."""
        with self._changed:
            self._send = kwargs["st_callback"]
            self._look_after_resubmitted()
            self._serve_waiting()  # first, so that trials are numbered in the order in which they were drawn
            ready = []
            for parameter_id in parameter_id_list:
                parameters = self._next(parameter_id)
                if parameters is None:
                    self._unserved.append(parameter_id)
                else:
                    ready.append(parameters)
            self._go_on()
            return ready

    def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any, **kwargs: Any) -> None:
        """Records the final metric.  `parameters` is unused: NNI blanks it after a request that got too few."""
        with self._changed:
            self._reported[parameter_id] = kwargs["trial_job_id"], value
            self._changed.notify_all()

    def trial_end(self, parameter_id: int | None, success: bool, **kwargs: Any) -> None:
        """Counts the trial, and serves the requests that waited for it."""
        with self._changed:
            if parameter_id not in self._handed:  # a user added it in the web page
                return
            trial = self._handed[parameter_id]
            if not success and self._retries.wanted(parameter_id, trial, self._manager):
                return self._go_on()
            if success and self._changed.wait_for(lambda: parameter_id in self._reported, RESULT_DELAY):
                job_id, metric = self._reported[parameter_id]
                trial.end(metric, self._manager.job(job_id).folder)
            else:
                trial.end()
            drawn = self._retries.drawn(parameter_id)
            tuner = self._tuners[trial.stage]
            if trial.score is not None:
                tuner.receive_trial_result(drawn, trial.settings, trial.score)
            tuner.trial_end(drawn, trial.score is not None)
            self._log_outcome(trial)
            self._go_on()

    # How the experiment continues and ends

    def _next(self, parameter_id: int) -> dict[str, Any] | None:
        """The parameters of another trial, or None when none can start now."""
        if (trial := self._retries.hand(parameter_id)) is not None:
            self._handed[parameter_id] = trial
            return self._schedule.parameters(trial)
        while (stage := self._schedule.open_stage()) is not None:
            try:
                settings = self._draw(stage, parameter_id)
            except NoMoreTrialError:
                possible = len(self._schedule.of(stage))
                log.warning("%s: the search space has only %d combinations", stage, possible)
                self._schedule.budgets[stage] = possible
                continue
            self._handed[parameter_id] = self._schedule.add(stage, settings)
            return self._schedule.parameters(self._handed[parameter_id])
        return None

    def _draw(self, stage: str, parameter_id: int) -> dict[str, Any]:
        """New settings.  Every draw has its own seed, so that a resume does not change it."""
        order, tried = list(self._schedule.budgets).index(stage), [trial.settings for trial in self._schedule.of(stage)]
        reseed(self._tuners[stage], [self._seed, order, len(tried)])
        for _ in range(REDRAWS):  # a seed is reused for a trial that failed before a resume
            settings: dict[str, Any] = self._tuners[stage].generate_parameters(parameter_id)
            if settings not in tried:
                break
        return settings

    def _go_on(self) -> None:
        """Serves the waiting ids; ends the experiment when no trial is left."""
        self._serve_waiting()
        if self._schedule.over:
            self._close()

    def _serve_waiting(self) -> None:
        while self._unserved and (parameters := self._next(self._unserved[0])) is not None:
            assert self._send is not None
            self._send(self._unserved.pop(0), parameters)

    def _close(self) -> None:
        """Lets the manager go to DONE, which it does only when the number of trials reaches its limit."""
        if self._schedule.lost:
            log.error(self._schedule.lost)
        try:
            self._manager.set_max_trials(len(self._manager.jobs()))
        except requests.RequestException as error:
            log.error("the end of the experiment could not be reported to the manager: %s", error)

    def _log_outcome(self, trial: Trial) -> None:
        ended = sum(one.ended for one in self._schedule.of(trial.stage))
        outcome = f"has no score: {trial.reason}" if trial.score is None else f"scored {trial.score:.4f}"
        log.info("%s: trial %d of %d %s", trial.stage, ended, self._schedule.budgets[trial.stage], outcome)

    # What happened before a resume

    def _recall(self, job: Job) -> None:
        failed = job.ended and job.status != "EARLY_STOPPED" and final_score(job.metric) is None
        if job.stage not in self._schedule.budgets or failed:
            return
        trial = self._schedule.add(job.stage, job.settings)
        if job.ended:
            trial.end(job.metric, job.folder)
        else:
            self._resubmitted[job.id] = trial

    def _look_after_resubmitted(self) -> None:
        """Checks resubmitted trials: NNI does not report their end, but requests a new trial then."""
        if not self._resubmitted:
            return
        for job in self._manager.jobs():
            if job.ended and job.id in self._resubmitted:
                trial = self._resubmitted.pop(job.id)
                trial.end(job.metric, job.folder)
                self._log_outcome(trial)


def _no_budget(value: Any) -> bool:
    return type(value) is not int or value < 1


def _checked(algorithms: Any, budgets: dict[str, int]) -> dict[str, str]:
    """Raises InputError for an unknown stage or algorithm."""
    field = "tuner.classArgs.algorithms"
    if not isinstance(algorithms, dict):
        raise InputError(f"{field}: got {algorithms!r}; write stage: algorithm, for example {{search: Random}}")
    for stage, algorithm in algorithms.items():
        if stage not in budgets:
            raise InputError(f"{field}: got a stage {stage!r}; the budgets have {', '.join(budgets)}")
        require_known(algorithm, f"{field}.{stage}")
    return algorithms


def _required_score(metric: Any) -> float:
    score = final_score(metric)
    if score is None:
        raise ValueError(f"no finite default in {metric}")
    return score
