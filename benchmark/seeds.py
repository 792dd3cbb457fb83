"""Seeds as SHA-256 digests of their purpose, independent of Python's `hash` and of the algorithm's name."""

from __future__ import annotations

import hashlib

__all__ = ["seed_of"]


def seed_of(*parts: object) -> int:
    """A 63-bit seed that depends on every part and on nothing else, the same on every machine."""
    text = "\x1f".join(repr(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
