"""Times of day: "4:30 p.m.", "16:30", "noon". Half past four in the afternoon is not half past four in the morning."""

from __future__ import annotations

import re

from benchmark.grading.structures import ClockTime, Scalar

__all__ = ["clock_of", "same_time", "time_of"]

_HALVES = {"a": 0, "p": 720}
_TIME = re.compile(
    r"(?:at\s+)?(?P<hour>\d{1,2})(?:\s?[:.h]\s?(?P<minute>\d\d))?(?:\s?:\s?(?P<second>\d\d))?\s*"
    r"(?:(?P<half>[ap])\s*\.?\s*m\.?|(?:o\s?'?\s?clock)?\s*(?:in\s+the\s+(?P<part>morning|afternoon|evening)|(?P<night>at\s+night))"
    r"|(?P<clock>o\s?'?\s?clock|hours|hrs|noon|midnight))"
    r"(?:\s+(?:sharp|today|exactly|(?:[ECMP][SD]?T|GMT|UTC)))?",
    re.IGNORECASE,
)
_NAMED = {"noon": 720, "12 noon": 720, "midday": 720, "midnight": 0, "12 midnight": 0}
_WRAPPER = re.compile(r"\\(?:text|mathrm|textrm|mbox|textbf)\s*\{([^{}]*)\}|[{}]")
_FULL_HOUR = re.compile(r"(\d{1,2}):00(?::00)?")
_LETTERS = re.compile(r"[mMkK]|noon|night|morning|afternoon|evening|midday")


def clock_of(text: str) -> ClockTime | None:  # noqa: PLR0911 - one return for each spelling
    """The time of day that a cleaned answer states in words or with a.m. or p.m.; `None` for anything else."""
    full = _FULL_HOUR.fullmatch(text)
    if full and int(full[1]) <= 24:
        return ClockTime(60 * int(full[1]) % 1440, known=int(full[1]) > 12 or full[1].startswith("0"))
    if len(text) > 80 or not _LETTERS.search(text):
        return None
    plain = re.sub(r"\s+", " ", _WRAPPER.sub(lambda match: match[1] or "", text)).strip().lower().replace("\\", "")
    if plain.rstrip(".") in _NAMED:
        return ClockTime(_NAMED[plain.rstrip(".")], known=True)
    found = _TIME.fullmatch(plain)
    if found is None:
        return None
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if found["clock"] in ("hours", "hrs") and not found["minute"]:
        return None
    if hour > 24 or minute > 59 or found["second"] not in (None, "00"):
        return None
    named = {"noon": "p", "midnight": "a"}.get(found["clock"] or "")
    half = (
        found["half"]
        or named
        or {"morning": "a", "afternoon": "p", "evening": "p"}.get(found["part"] or "")
        or ("p" if found["night"] and hour > 5 else "a" if found["night"] else None)
    )
    if half is None or hour > 12:
        return ClockTime((60 * hour + minute) % 1440, known=hour > 12)
    return ClockTime(60 * (hour % 12) + minute + _HALVES[half.lower()], known=True)


_RATIO = re.compile(r"(\d{1,2}) : (\d\d)(?: : 00)?")


def time_of(scalar: Scalar) -> ClockTime | None:
    """What a number or `16:30` means where the other side is a time of day."""
    if scalar.unit or scalar.percent:
        return None
    ratio = _RATIO.fullmatch(scalar.source)
    if ratio is None:
        return ClockTime(60 * int(scalar.source), known=False) if re.fullmatch(r"\d|1[0-2]", scalar.source) else None
    hour, minute = int(ratio[1]), int(ratio[2])
    if hour > 24 or minute > 59:
        return None
    return ClockTime((60 * hour + minute) % 1440, known=hour > 12 or ratio[1].startswith("0"))


def same_time(left: ClockTime, right: ClockTime) -> bool:
    """Equal times; where one side leaves out the half of the day, equal on the face of a clock."""
    if left.known and right.known:
        return left.minutes == right.minutes
    return left.minutes % 720 == right.minutes % 720
