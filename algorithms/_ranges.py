"""Ranges of hyper-parameters, written at their fields; a suite is refused where a value is outside."""

from __future__ import annotations

from typing import Annotated

from benchmark.contract import Between

__all__ = ["Coefficient", "Count", "Fraction", "Positive", "Rate", "Signed", "Steps"]

Rate = Annotated[float, Between(0, 10, above=True)]
"""A learning rate."""
Positive = Annotated[float, Between(0, 1e6, above=True)]
"""A temperature, divisor or bound that must not be 0."""
Coefficient = Annotated[float, Between(0, 1e6)]
"""A coefficient that 0 switches off."""
Fraction = Annotated[float, Between(0, 1)]
"""A share or discount."""
Signed = Annotated[float, Between(-1e6, 1e6)]
"""A reward, threshold or offset."""
Count = Annotated[int, Between(1, 1_000_000)]
"""How often or how many."""
Steps = Annotated[int, Between(0, 10_000_000)]
"""Optimiser steps, perhaps none."""
