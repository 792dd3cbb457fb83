"""Methods that break one rule each, as an author outside this repository might. Objective: none."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms._batch import Loss
from algorithms._pieces import masked, mean_of_rows, sum_of_tokens
from algorithms.template import Template
from benchmark.contract import Checkpoint

CALLS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sound(Template):
    """Breaks none."""


@dataclass
class Thawed:
    """Stands for a class that is not frozen."""

    paper: ClassVar[str] = "–"


@dataclass(frozen=True, slots=True)
class Undocumented(Template):
    """Has a field without a sentence."""

    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Nameless(Template):
    """Does not say where it is from."""

    paper: ClassVar[str] = " "


@dataclass(frozen=True, slots=True)
class Aimless(Template):
    """Says its aim in words."""

    def aim(self):
        return "the best"


@dataclass(frozen=True, slots=True)
class Needy(Template):
    """Lists its needs."""

    @property
    def needs(self):
        return ["reference"]


@dataclass(frozen=True, slots=True)
class OwnExam(Template):
    """Examines itself."""

    def evaluate(self, policy, exam, problems, seed):
        del policy, exam, problems, seed


@dataclass(frozen=True, slots=True)
class Moody(Template):
    """Another gradient at every call."""

    def loss(self, batch, now):
        return Loss(Template.loss(self, batch, now).total * next(CALLS), {})


@dataclass(frozen=True, slots=True)
class Scribbles(Template):
    """Centres the rewards where they stand."""

    def prepare(self, batch):
        batch.reward.sub_(batch.reward.mean())
        return Template.prepare(self, batch)


@dataclass(frozen=True, slots=True)
class DividesByItsPart(Template):
    """Takes the mean over the rows it is given, whatever the step holds."""

    def loss(self, batch, now):
        rows = sum_of_tokens(now.logp, batch.mask) * batch.reward
        return Loss(-mean_of_rows(rows, len(rows)), {})


@dataclass(frozen=True, slots=True)
class ReadsPadding(Template):
    """Sums over whole rows."""

    def loss(self, batch, now):
        return Loss(-((now.logp * batch.old_logp).sum(1) * batch.reward).sum() / batch.rows, {})


@dataclass(frozen=True, slots=True)
class DividesByTheDeviation(Template):
    """Without an epsilon."""

    def prepare(self, batch):
        reward = batch.reward.view(-1, batch.group_size)
        centred = reward - reward.mean(1, keepdim=True)
        deviation = reward.std(1, keepdim=True)
        known = torch.where(deviation > 0, deviation, deviation if bool((deviation == 0).all()) else 1.0)
        return batch.with_advantage((centred / known).flatten())

    def loss(self, batch, now):
        return Loss(-masked(batch.advantage * now.logp, batch.mask).sum() / batch.rows, {})


@dataclass(frozen=True, slots=True)
class Raises(Template):
    """Falls over in training."""

    def train(self, run):
        del run
        raise ZeroDivisionError("no step at all")


@dataclass(frozen=True, slots=True)
class Idle(Template):
    """Trains nothing."""

    def train(self, run):
        del run
        return Checkpoint(steps=0)


LOSSES = {
    "is_pure": Moody,
    "leaves_the_batch_alone": Scribbles,
    "accumulates": DividesByItsPart,
    "ignores_padding": ReadsPadding,
    "survives_equal_rewards": DividesByTheDeviation,
}
CLASSES = {
    "names_its_paper": Nameless,
    "fields_are_documented": Undocumented,
    "aims_are_declared": Aimless,
    "needs_are_names": Needy,
    "examination_is_shared": OwnExam,
}
