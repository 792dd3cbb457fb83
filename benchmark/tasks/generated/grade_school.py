"""`grade_school`: generated worded problems in GSM8K's format (`#### n`). Generated, never copied.

Eleven story types. Level 1 is the story alone (2–3 steps); level 2 adds a later event, level 3 a number that does not
matter, level 4 a second event. In every story some typical mistake competes with two or three correct ways; in `bags`,
`fence`, `trip`, `packs`, `together` and `sale` it is the most likely single behaviour of the pocket policy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmark.tasks.generated.family import Draw, ProblemFamily, Sketch, Way, Work

__all__ = ["TASK"]

NAMES = ("Ana", "Ben", "Cara", "Dan", "Eva", "Finn", "Gia", "Hugo", "Ida", "Jon")
THINGS = ("pens", "caps", "nuts", "figs", "keys", "pins", "cups", "bows")
Arithmetic = Callable[[Work], int]


@dataclass(frozen=True, slots=True)
class Story:
    """A story before anything else happens in it."""

    name: str
    """Who it is about."""
    text: str
    question: str
    right: tuple[tuple[str, float, Arithmetic], ...]
    wrong: tuple[tuple[str, float, Arithmetic], ...]
    gain: str = "{name} then gets {c} more."
    loss: str = "{name} then gives away {c}."
    forgets: float = 8


def bags(draw: Draw) -> Story:
    """N bags of a and b things."""
    name, (x, y) = draw.one(NAMES), draw.two(THINGS)
    n, (a, b) = draw.number(3, 6), draw.numbers(2, 4, 15)
    return Story(
        name,
        f"{name} packs {n} bags with {a} {x} and {b} {y} in each bag.",
        "How many things are there?",
        right=(
            ("bag first", 24, lambda w: w.times(w.plus(a, b), n)),
            ("kind by kind", 18, lambda w: w.plus(w.times(a, n), w.times(b, n))),
        ),
        wrong=(
            ("one kind in each bag", 30, lambda w: w.plus(w.times(a, n), b)),
            ("one bag only", 12, lambda w: w.plus(a, b)),
        ),
    )


def saver(draw: Draw) -> Story:
    """Earning a and spending b on each of n days."""
    name, n, b = draw.one(NAMES), draw.number(3, 6), draw.number(3, 9)
    a = b + draw.number(4, 12)
    return Story(
        name,
        f"Each day {name} earns {a} dollars and spends {b} dollars, for {n} days.",
        f"How many dollars does {name} have?",
        right=(
            ("day first", 26, lambda w: w.times(w.minus(a, b), n)),
            ("earned less spent", 22, lambda w: w.minus(w.times(a, n), w.times(b, n))),
        ),
        wrong=(
            ("spending forgotten", 18, lambda w: w.times(a, n)),
            ("spends once", 18, lambda w: w.minus(w.times(a, n), b)),
        ),
        gain="{name} then finds {c} dollars.",
        loss="{name} then pays {c} dollars.",
    )


def share(draw: Draw) -> Story:
    """A and b things shared among n."""
    name, n = draw.one(NAMES), draw.number(2, 5)
    p, q = draw.numbers(2, 3, 12)
    a, b = n * p, n * q
    return Story(
        name,
        f"{name} puts {a} red and {b} blue beads into {n} jars, the same in each jar.",
        "How many beads are in one jar?",
        right=(
            ("all together", 24, lambda w: w.over(w.plus(a, b), n)),
            ("colour by colour", 20, lambda w: w.plus(w.over(a, n), w.over(b, n))),
        ),
        wrong=(
            ("not shared", 20, lambda w: w.plus(a, b)),
            ("one colour shared", 20, lambda w: w.plus(w.over(a, n), b)),
        ),
        gain="Then {c} more are put into that jar.",
        loss="Then {c} are taken out of that jar.",
    )


def crates(draw: Draw) -> Story:
    """N crates of b, and c loose ones."""
    name, n = draw.one(NAMES), draw.number(2, 4)
    b, c = draw.numbers(2, 5, 20)
    return Story(
        name,
        f"{name} has {n} crates with {b} limes each and {c} loose limes.",
        "How many limes are there?",
        right=(
            ("multiply", 22, lambda w: w.plus(w.times(b, n), c)),
            ("count on", 22, lambda w: w.plus(w.plus(*[b] * n), c)),
        ),
        wrong=(
            ("all in crates", 20, lambda w: w.times(w.plus(b, c), n)),
            ("one crate", 18, lambda w: w.plus(b, c)),
        ),
    )


def fence(draw: Draw) -> Story:
    """Around a yard."""
    name, (a, b) = draw.one(NAMES), draw.numbers(2, 4, 30)
    return Story(
        name,
        f"A yard is {a} m long and {b} m wide. {name} builds a fence around it.",
        "How many m of fence is that?",
        right=(
            ("half first", 18, lambda w: w.times(w.plus(a, b), 2)),
            ("pairs of sides", 16, lambda w: w.plus(w.times(a, 2), w.times(b, 2))),
            ("side by side", 14, lambda w: w.plus(a, b, a, b)),
        ),
        wrong=(
            ("two sides", 32, lambda w: w.plus(a, b)),
            ("three sides", 10, lambda w: w.plus(w.times(a, 2), b)),
        ),
        gain="{name} then adds {c} m.",
        loss="{name} then removes {c} m.",
        forgets=16,
    )


def trip(draw: Draw) -> Story:
    """There and back on n days."""
    name, n, a = draw.one(NAMES), draw.number(3, 5), draw.number(5, 20)
    return Story(
        name,
        f"{name} rides {a} km to town and {a} km back on each of {n} days.",
        f"How many km does {name} ride?",
        right=(
            ("day first", 18, lambda w: w.times(w.plus(a, a), n)),
            ("one way, twice", 16, lambda w: w.times(w.times(a, n), 2)),
        ),
        wrong=(
            ("way back forgotten", 36, lambda w: w.times(a, n)),
            ("one day", 12, lambda w: w.plus(a, a)),
        ),
        gain="{name} then rides {c} km more.",
        loss="For {c} km of this {name} takes a bus.",
    )


def packs(draw: Draw) -> Story:
    """A packs of b, c packs lost."""
    name, b, c = draw.one(NAMES), draw.number(3, 9), draw.number(2, 5)
    a = c + draw.number(3, 8)
    return Story(
        name,
        f"{name} buys {a} packs of {b} cards and loses {c} packs.",
        f"How many cards does {name} have?",
        right=(
            ("packs first", 20, lambda w: w.times(w.minus(a, c), b)),
            ("cards first", 16, lambda w: w.minus(w.times(a, b), w.times(c, b))),
        ),
        wrong=(
            ("cards for packs", 34, lambda w: w.minus(w.times(a, b), c)),
            ("nothing lost", 12, lambda w: w.times(a, b)),
        ),
    )


def together(draw: Draw) -> Story:
    """One has a, the other b more."""
    (name, other), (a, b) = draw.two(NAMES), draw.numbers(2, 4, 30)
    return Story(
        name,
        f"{name} has {a} stamps. {other} has {b} more than {name}.",
        "How many do they have together?",
        right=(
            ("the other first", 20, lambda w: w.plus(a, w.plus(a, b))),
            ("double and more", 16, lambda w: w.plus(w.times(a, 2), b)),
        ),
        wrong=(
            ("the other only", 34, lambda w: w.plus(a, b)),
            ("double less", 10, lambda w: w.minus(w.times(a, 2), min(a, b))),
        ),
        gain="They then get {c} more.",
        loss="They then give away {c}.",
    )


def reader(draw: Draw) -> Story:
    """Pages left after n days."""
    name, n, a = draw.one(NAMES), draw.number(2, 4), draw.number(6, 20)
    p = n * a + draw.number(25, 60)
    return Story(
        name,
        f"A book has {p} pages. {name} reads {a} pages on each of {n} days.",
        "How many pages are left?",
        right=(
            ("read, then left", 26, lambda w: w.minus(p, w.times(a, n))),
            ("day by day", 24, lambda w: w.minus(p, *[a] * n)),
        ),
        wrong=(
            ("one day", 18, lambda w: w.minus(p, a)),
            ("days for pages", 14, lambda w: w.minus(w.minus(p, a), n)),
        ),
        gain="{name} then goes back {c} pages.",
        loss="{name} then reads {c} pages more.",
    )


def sale(draw: Draw) -> Story:
    """A price lowered by tens of percent."""
    name, tens, p = draw.one(NAMES), draw.number(1, 5), 10 * draw.number(4, 19)
    return Story(
        name,
        f"A coat costs {p} dollars and is sold at {10 * tens}% off. {name} buys it.",
        f"How many dollars does {name} pay?",
        right=(
            ("discount off", 20, lambda w: w.minus(p, w.times(w.over(p, 10), tens))),
            ("what remains", 18, lambda w: w.times(w.over(p, 10), w.minus(10, tens))),
        ),
        wrong=(
            ("percent as dollars", 32, lambda w: w.minus(p, 10 * tens)),
            ("discount only", 12, lambda w: w.times(w.over(p, 10), tens)),
        ),
        gain="{name} then pays {c} dollars more.",
        loss="{name} then gets {c} dollars back.",
    )


def times_as_many(draw: Draw) -> Story:
    """One has a, the other n times as many."""
    (name, other), n, a = draw.two(NAMES), draw.number(2, 6), draw.number(4, 15)
    return Story(
        name,
        f"{name} has {a} coins and {other} has {n} times as many.",
        "How many do they have together?",
        right=(
            ("the other first", 24, lambda w: w.plus(w.times(a, n), a)),
            ("shares", 20, lambda w: w.times(a, w.plus(n, 1))),
        ),
        wrong=(
            ("the other only", 20, lambda w: w.times(a, n)),
            ("more for times", 18, lambda w: w.plus(w.plus(a, n), a)),
        ),
        gain="They then get {c} more.",
        loss="They then give away {c}.",
    )


STORIES = (bags, saver, share, crates, fence, trip, packs, together, reader, sale, times_as_many)
ASIDES = (
    "{who} is {k} years old.",
    "It is {k} degrees outside.",
    "{who} owns {k} books.",
    "The bus leaves in {k} minutes.",
)


def tell(story_of: Callable[[Draw], Story], draw: Draw, level: int) -> Sketch:
    """The story with the events and the idle number of its level."""
    story = story_of(draw)
    events = [(draw.number(0, 1) == 0, draw.number(2, 9)) for _ in range({1: 0, 2: 1, 3: 1, 4: 2}[level])]
    if story_of is share:  # a jar may be nearly empty: only add to it
        events = [(True, c) for _, c in events]
    sentences = [(story.gain if gains else story.loss).format(name=story.name, c=c) for gains, c in events]
    idle = draw.number(10, 60)
    aside = draw.one(ASIDES).format(who=draw.one(NAMES), k=idle) if level >= 3 else ""
    prompt = " ".join(filter(None, (story.text, aside, *sentences, story.question)))

    def finish(core: Arithmetic, skip: int = 0) -> Arithmetic:
        def do(w: Work) -> int:
            value = core(w)
            for gains, c in events[: len(events) - skip]:
                value = w.plus(value, c) if gains else w.minus(value, c)
            return value

        return do

    right = tuple(Way(name, weight, finish(core)) for name, weight, core in story.right)
    wrong = [Way(name, weight, finish(core)) for name, weight, core in story.wrong]
    if events:
        wrong.append(Way("stopped early", 12, finish(story.right[0][2], skip=1)))
    if aside:
        wrong.append(Way("idle number used", 10, lambda w: w.plus(finish(story.right[0][2])(w), idle)))
    return Sketch(prompt, right, tuple(wrong), story.forgets)


def _kind(story_of: Callable[[Draw], Story]) -> Callable[[Draw, int], Sketch]:
    return lambda draw, level: tell(story_of, draw, level)


TASK = ProblemFamily(
    name="grade_school",
    answer_format="#### n",
    instruction="Solve the problem step by step and end with a line '#### ' followed by the answer.",
    kinds={story.__name__: _kind(story) for story in STORIES},
    levels=4,
    write_answer=str,
    write_ending=lambda answer: f"#### {answer}",
)
