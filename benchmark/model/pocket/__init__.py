"""The pocket world: two families of generated problems and a small policy, made by this repository."""

from __future__ import annotations

from pathlib import Path

__all__ = ["POCKET"]

POCKET = Path(__file__).parent / "weights"
"""Folder of the pocket policy's weights and tokenizer."""
