"""Trains one network for a given time on a pool that grows meanwhile, and scores it.

    Muon or AdamW · rate by share of the time · gradients clipped · bfloat16 · moving average of the weights · mirrored

Time is what is given, so the schedule runs over time: warm-up, flat, then down along a cosine.
"""

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import torch
from lib.campaign_exam import evaluate, flops
from lib.campaign_machine import wait_for
from lib.campaign_networks import Contestant
from lib.campaign_pool import Order, Pool
from lib.campaign_state import load_state, save_state
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from search_spaces.build import count_parameters
from search_spaces.shape import Shape
from trials.settings.config import Config, Loss
from trials.training.losses import loss_terms
from trials.training.migrating.velocity_and_image import terms_of_both
from trials.training.muon import make_optimizer
from trials.training.precision import fast_in_bfloat16, safe_in_bfloat16

LOSSES = {"velocity": Loss(l1=1.0, l2=0.0, ssim=0.1), "rtm": Loss(l2=1.0, ssim=0.05)}  # the defaults of both
GRADIENT_CLIP = 1.0  # norm of all gradients together
WARM_UP, DECAY_FROM = 0.03, 0.4  # shares of the time
LOOK_EVERY = 20  # steps between looks at the loss: each waits for the device
SAVE_EVERY = 120.0  # [s]
FIRST_EXAM, NEXT_EXAM = 1000, math.sqrt(2)  # samples seen at the first score of the curve; factor to the next
COMPILE_TRIES = 20  # steps that are timed

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What all networks of a campaign have in common."""

    config: Config
    data: str  # folder of the finished data set: its validation and test splits
    pool: Pool
    work: Path
    stop: Event  # set: save and come to an end
    say: Callable[[str], None]

    @property
    def device(self) -> torch.device:
        return self.pool.device


@dataclass(kw_only=True)
class Counters:
    """How far a training has come; saved with its state."""

    steps: int = 0
    samples: int = 0
    seconds: float = 0.0  # of the time given, all lives of the training together
    timed_seconds: float = 0.0  # of them in steps alone: without compiling, scores and saving
    timed_samples: int = 0  # seen in these
    curve: list[tuple[int, list[float]]] = field(default_factory=list)  # samples seen, validation SSIM by target


def rate_at(share: float) -> float:
    """Share of the peak rate after this share of the time."""
    if share < WARM_UP:
        return (share + 1e-3) / (WARM_UP + 1e-3)
    falling = max(0.0, share - DECAY_FROM) / (1 - DECAY_FROM)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, falling)))


def train(contestant: Contestant, lesson: Lesson, seconds: float) -> tuple[Row, nn.Module]:
    """A row of results, and the network with the moving average as its weights.

    If it is stopped before its time is over, or diverges, the row says so; a stopped one goes on from its state.
    """
    training = Training(contestant, lesson, seconds)
    training.start()
    while not training.over:
        training.take_steps(LOOK_EVERY)
        if training.over or training.done.samples >= training.next_exam:
            training.take_exam()
        training.save_if_due()
    return training.row(), training.average


class Training:
    """One network under way."""

    def __init__(self, contestant: Contestant, lesson: Lesson, seconds: float) -> None:
        self.contestant, self.lesson, self.device = contestant, lesson, lesson.device
        config, on_gpu = lesson.config, self.device.type == "cuda"
        self.began = self.saved = time.perf_counter()
        torch.manual_seed(config.seed)
        network = contestant.build(Shape.of(config.data), lesson.pool.statistics).to(self.device)
        self.network = network.to(memory_format=torch.channels_last) if on_gpu else network
        self.network.train()
        self.forward: Any = self.network  # or its compiled form
        self.average = deepcopy(self.network).requires_grad_(False)
        decay = config.training.weight_decay
        self.optimizer = make_optimizer("muon" if contestant.muon else "adamw", self.network, contestant.rate, decay)
        self.mixed = fast_in_bfloat16(self.device) and (on_gpu or safe_in_bfloat16(self.network))
        self.batch = contestant.batch if on_gpu else config.training.batch_size
        self.file = lesson.work / "states" / f"{contestant.file_name}.safetensors"
        self.done = Counters(**load_state(self.file, self.network, self.average, self.optimizer))
        self.order = Order(lesson.pool, seed=config.seed + self.done.steps)
        self.before, self.budget = self.done.seconds, self.done.seconds + seconds
        self.diverged = False
        self.facts: Row = {}  # of the start

    def start(self) -> None:
        """The first step, and where it is asked for the choice between plain and compiled."""
        self._step()
        wait_for(self.device)
        self.facts["first_step_s"] = time.perf_counter() - self.began
        if self.contestant.compiled and self.device.type == "cuda":
            self._try_compiled()

    @property
    def over(self) -> bool:
        return self.diverged or self.lesson.stop.is_set() or self.done.seconds >= self.budget

    @property
    def next_exam(self) -> float:
        """Samples seen; evenly spaced on a logarithmic axis."""
        return NEXT_EXAM * self.done.curve[-1][0] if self.done.curve else FIRST_EXAM

    def take_steps(self, most: int) -> None:
        """So many, or fewer if the time is over; then looks at the loss, for which it has to wait for the device."""
        start, samples, loss = time.perf_counter(), self.done.samples, torch.zeros(())
        for _ in range(most):
            if self.over:
                break
            loss = self._step()
            self.done.seconds = self.before + time.perf_counter() - self.began
        wait_for(self.device)
        self.diverged = not bool(torch.isfinite(loss))
        self.done.timed_seconds += time.perf_counter() - start
        self.done.timed_samples += self.done.samples - samples

    def _step(self) -> Tensor:
        contestant, done, pool = self.contestant, self.done, self.lesson.pool
        shots_BSTR, targets = pool.batch(self.order.next(self.batch), contestant.targets)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed):
            prediction = self.forward(shots_BSTR)
        if len(targets) == 1:
            loss = loss_terms(LOSSES[contestant.targets[0]], prediction, *targets.values())["loss"]
        else:
            target_B2ZX = torch.cat([targets[name] for name in contestant.targets], dim=1)
            loss = terms_of_both(self.lesson.config, prediction, target_B2ZX)["loss"]
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_CLIP)
        for group in self.optimizer.param_groups:
            group["lr"] = contestant.rate * rate_at(done.seconds / self.budget)
        self.optimizer.step()
        done.steps, done.samples = done.steps + 1, done.samples + len(shots_BSTR)
        # As trials/training/averaging.py, which needs Lightning.
        follow(self.average, self.network, min(self.lesson.config.training.ema, (1 + done.steps) / (10 + done.steps)))
        return loss.detach()

    def _try_compiled(self) -> None:
        """Keeps the compiled network if its steps are faster here."""
        self.facts["step_ms"] = plain = self._step_ms()
        start = time.perf_counter()
        try:
            self.forward = torch.compile(self.network)
            self._step()
            wait_for(self.device)
            self.facts |= {"compile_s": time.perf_counter() - start, "compiled_step_ms": self._step_ms()}
            if self.facts["compiled_step_ms"] >= plain:
                self.forward = self.network
        except Exception as error:  # whatever the compiler is in want of, the network can be trained without
            self.forward = self.network
            self.facts["compile_error"] = f"{type(error).__name__}: {error}"[:200]

    def _step_ms(self) -> float:
        start = time.perf_counter()
        for _ in range(COMPILE_TRIES):
            self._step()
        wait_for(self.device)
        return 1e3 * (time.perf_counter() - start) / COMPILE_TRIES

    def take_exam(self) -> None:
        """A point of the learning curve."""
        if self.diverged:
            return
        exam = evaluate(self.average, self.contestant.targets, self.lesson.data, "validation")
        ssim = {name: exam[f"{name}_ssim"] for name in self.contestant.targets}
        self.done.curve.append((self.done.samples, list(ssim.values())))
        seen = f"{self.done.samples} samples of {self.lesson.pool.models} models"
        marks = ", ".join(f"{name} {value:.4f}" for name, value in ssim.items())
        self.lesson.say(f"{self.contestant.label}: {seen}, SSIM on the validation split {marks}")
        self.done.seconds = self.before + time.perf_counter() - self.began

    def save_if_due(self) -> None:
        """Every few minutes and when it is cut; what has come to its end needs no state."""
        cut = self.over and not self.ended
        if cut or (not self.over and time.perf_counter() - self.saved > SAVE_EVERY):
            save_state(self.file, self.network, self.average, self.optimizer, vars(self.done))
            self.saved = time.perf_counter()
        if self.ended:
            self.file.unlink(missing_ok=True)

    @property
    def ended(self) -> bool:
        """Not to be continued: its time is over, or its weights are useless."""
        return self.diverged or self.done.seconds >= self.budget

    def row(self) -> Row:
        """Scores on the test split, and what they cost."""
        contestant, done = self.contestant, self.done
        row: Row = {"network": contestant.name, "targets": list(contestant.targets)}
        row |= {"parameters": count_parameters(self.network), "flops": flops(self.average, self.lesson.data)}
        row |= {"batch": self.batch, "rate": contestant.rate, "precision": "bfloat16" if self.mixed else "float32"}
        if not self.diverged:
            row |= {"split": "test"} | evaluate(self.average, contestant.targets, self.lesson.data, "test")
        row |= {"samples": done.samples, "steps": done.steps, "models": self.lesson.pool.models}
        row |= {"seconds": done.seconds, "samples_per_s": done.timed_samples / max(done.timed_seconds, 1e-9)}
        row |= self.facts | {"compiled": self.forward is not self.network}
        return row | {"cut": not self.ended, "diverged": self.diverged, "curve": done.curve}


def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """One step of the moving average: weights and running statistics."""
    pairs = [
        (kept, new)
        for kept, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True)
        if new.is_floating_point()
    ]
    get_ema_multi_avg_fn(decay)([kept for kept, _ in pairs], [new for _, new in pairs], 0)  # type: ignore[no-untyped-call]
