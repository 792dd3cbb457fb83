"""Every rule that `bakeoff check` holds a method to is broken once, and nothing else is said of the method."""

from __future__ import annotations

import sys
import types
from dataclasses import replace

import pytest
import rule_breakers
from rule_breakers import CLASSES, LOSSES, Sound
from typer.testing import CliRunner

from algorithms import _contract as losses
from benchmark.cli import app
from benchmark.commands.exact_world import rules
from benchmark.commands.exact_world.check import TABLE, check_all
from benchmark.commands.exact_world.rules import broken_rules
from benchmark.errors import ConfigurationError, UnknownName


def test_a_sound_method_breaks_none():
    assert broken_rules(Sound()) == ()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_that_breaks_a_rule_is_told_which(name):
    broken = LOSSES[name]()
    reason = vars(losses)[name](broken)
    assert reason
    assert reason in broken_rules(broken)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_that_breaks_a_rule_is_told_which(name):
    broken = CLASSES[name]()
    reason = vars(rules)[name](broken)
    assert [one.__name__ for one in rules.CLASS_RULES if one(broken) is not None] == [name]
    assert broken_rules(broken)[0] == reason


def test_a_class_must_be_frozen_and_say_its_objective(monkeypatch):
    assert "frozen=True" in rules.is_frozen(rule_breakers.Thawed())
    monkeypatch.setitem(sys.modules, "bare", types.ModuleType("bare"))
    bare = type("Bare", (), {"__module__": "bare", "__doc__": "Does something."})
    assert "Objective" in rules.states_its_objective(bare())
    assert rules.states_its_objective(type("Told", (), {"__module__": "bare", "__doc__": "Objective: L"})()) is None


def test_the_check_goes_on_where_a_method_raises(monkeypatch):
    names = [f"rule_breakers:{name}" for name in ("Raises", "Undocumented")]
    first, second = check_all(names, _short())
    assert first.reasons == (first.reasons[0],)
    assert "rule_breakers.py:" in first.reasons[0]
    assert "ZeroDivisionError: no step at all" in first.reasons[0]
    assert second.reasons[0] == "contract: the field 'strength' has no sentence beneath it"
    assert second.reward_end is not None
    monkeypatch.setattr("benchmark.commands.exact_world.check.TABLE", _short())
    shown = CliRunner().invoke(app, ["check", *names])
    assert shown.exit_code == 1
    table = shown.output[shown.output.index("verdict") :]  # it ends with a table of all of them
    assert all(word in table for word in ("Raises", "fail:", "Undocumented", "contract:"))


def test_a_wrong_name_is_refused_before_anything_is_trained():
    with pytest.raises(UnknownName, match="grpp"):
        next(check_all(["rule_breakers:Raises", "grpp"], TABLE))
    with pytest.raises(ConfigurationError, match="own loop"):
        next(check_all(["rule_breakers:Raises", "trl_grpo"], TABLE))


def _short():
    return replace(TABLE, training=replace(TABLE.training, steps=3, prompts_per_step=4))
