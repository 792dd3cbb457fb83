"""Tokens to an exact value: recursive descent of limited depth. Nothing is looked up by name, no text is ever run."""

from __future__ import annotations

from benchmark.grading.algebra import ONE, Value, number, symbol
from benchmark.grading.functions import binomial, function
from benchmark.grading.numerals import decimal
from benchmark.grading.powers import power
from benchmark.grading.tokens import BRACKETS, FUNCTIONS, GREEK, Token, Unreadable

__all__ = ["expression"]

MAX_DEPTH = 40


def expression(tokens: list[Token], *, sign: int = 1) -> Value:
    r"""The value of one expression; `sign` is what ± means. Unreadable, ZeroDivisionError or TooLarge otherwise."""
    reader = _Reader(tokens, sign)
    value = reader.infix()
    if reader.position < len(tokens):
        raise Unreadable(f"nothing is expected at {tokens[reader.position].value!r}")
    return value


class _Reader:
    """Recursive descent; `depth` counts open constructs."""

    def __init__(self, tokens: list[Token], sign: int) -> None:
        self.tokens, self.sign, self.position, self.depth = tokens, sign, 0, 0
        self.powered = False

    def peek(self) -> str:
        """The next token's value, with a letter for numbers; empty at the end."""
        if self.position >= len(self.tokens):
            return ""
        kind, value, _ = self.tokens[self.position]
        return "0" if kind == "number" else "a" if kind == "letter" else "" if kind in ("word", "text") else value

    def take(self, value: str) -> None:
        if self.peek() != value:
            raise Unreadable(f"{value!r} is expected")
        self.position += 1

    def infix(self) -> Value:
        r"""A sum, or two of them with `\over` or `\choose` between."""
        value = self.sum()
        if self.peek() in ("over", "choose"):
            name = self.peek()
            self.position += 1
            below = self.sum()
            return value / below if name == "over" else binomial(value, below)
        return value

    def sum(self) -> Value:
        total = self.signed_product()
        while self.peek() in ("+", "-", "pm", "mp"):
            total += self.signed_product()
        return total

    def signed_product(self) -> Value:
        sign = 1
        while (mark := self.peek()) in ("+", "-", "pm", "mp"):
            sign *= {"+": 1, "-": -1, "pm": self.sign, "mp": -self.sign}[mark]
            self.position += 1
        product = self.product()
        return product if sign > 0 else -product

    def product(self) -> Value:
        result = self.factor()
        while True:
            mark = self.peek()
            if mark == "*":
                self.position += 1
                if self.peek() == "*":  # a ** b
                    raise Unreadable("two signs of multiplication")
                result *= self.signed_factor()
            elif mark in ("/", ":"):
                self.position += 1
                result /= self.signed_factor()
            elif mark and mark in _STARTS:
                if mark == "0" and not self._number_may_follow():
                    raise Unreadable("two numbers side by side")
                result *= self.factor()
            else:
                return result

    def signed_factor(self) -> Value:
        sign = 1
        while self.peek() in ("+", "-"):
            sign *= -1 if self.peek() == "-" else 1
            self.position += 1
        factor = self.factor()
        return factor if sign > 0 else -factor

    def _number_may_follow(self) -> bool:
        before = self.tokens[self.position - 1]
        if self.powered:
            return self.tokens[self.position].spaced
        return before.kind != "number" and before.value != "}" and (before.kind != "letter" or before.value == "i")

    def factor(self) -> Value:
        start = self.position
        base = self.atom()
        powered = self.peek() == "^"
        while (mark := self.peek()) in ("!", "^", "'"):
            self.position += 1
            if mark == "!":
                base = function("!", base)
            elif mark == "'":
                base *= symbol("′")
            elif self.peek() == "circ" or [token.value for token in self.tokens[self.position :][:3]] == [
                "{",
                "circ",
                "}",
            ]:
                self.position += 1 if self.peek() == "circ" else 3
            else:
                base = power(base, self.argument())
        if (
            self.position - start == 1
            and self.tokens[start].kind == "number"
            and (self.peek() in ("frac", "0") or self._infix_fraction())
        ):
            base = self.mixed(base)
        self.powered = powered
        return base

    def _infix_fraction(self) -> bool:
        r"""Whether `{3 \over 4}` comes next."""
        values = [token.value for token in self.tokens[self.position : self.position + 5]]
        return values[:1] == ["{"] and values[2:3] == ["over"] and values[4:] == ["}"]

    def mixed(self, whole: Value) -> Value:
        r"""`2\frac{3}{4}` and `2 3/4` are 2 + 3/4."""
        rest = self.tokens[self.position :]
        if self.peek() == "0":
            shape = [token.value if token.kind == "symbol" else token.kind for token in rest[:3]]
            if shape != ["number", "/", "number"] or not rest[0].spaced:
                return whole
            part = self.atom()
            self.position += 1
            part /= self.atom()
        else:
            start = self.position
            part = self.atom()
            value = part.rational
            if value is None or not 0 < value < 1 or self.peek() == "^":
                self.position = start
                return whole
        return whole + part

    def argument(self) -> Value:
        """What follows `^` or a command without braces: a group, or one token."""
        if self.peek() == "-":
            self.position += 1
            return -self.atom()
        return self.atom()

    def digit(self) -> Value:
        r"""An argument of `\frac`, where `\frac12` is one half."""
        kind, value, spaced = self.tokens[self.position] if self.position < len(self.tokens) else Token("", "", False)
        if kind == "number" and len(value) > 1 and value.isdigit():
            parts = [Token(kind, value[0], spaced), Token(kind, value[1:], spaced=False)]
            self.tokens = [*self.tokens[: self.position], *parts, *self.tokens[self.position + 1 :]]
        return self.argument()

    def group(self, opening: str) -> Value:
        self.take(opening)
        value = self.infix()
        self.take(BRACKETS[opening])
        return value

    def atom(self) -> Value:
        """One operand. All nesting goes through here."""
        if self.position >= len(self.tokens):
            raise Unreadable("the expression ends too early")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable(f"deeper than {MAX_DEPTH}")
        value = self.operand()
        self.depth -= 1
        return value

    def operand(self) -> Value:
        kind, value, _ = self.tokens[self.position]
        if kind == "number":
            self.position += 1
            return number(decimal(value))
        if kind == "letter":
            return self.name()
        if kind not in ("symbol", "command"):
            raise Unreadable(f"{value!r} is no expression")
        if value in ("(", "[", "{"):
            return self.group(value)
        if value == "|":
            self.position += 1
            inner = self.sum()
            self.take("|")
            return function("abs", inner)
        if value in ("lfloor", "lceil"):
            return function("floor" if value == "lfloor" else "ceil", self.group(value))
        if value == "overline":
            raise Unreadable("a bar over something")
        return self.command(value)

    def name(self) -> Value:
        """A variable with its index, i and e, or the value of a function called f, g or h."""
        letter = self.tokens[self.position].value
        self.position += 1
        if self.peek() == "_":
            self.position += 1
            index = self.argument()
            return symbol(f"{letter}_{index.written()}")
        if letter in ("f", "g", "h") and self.peek() == "(":
            return symbol(f"{letter}({self.group('(').written()})")
        return symbol(letter)

    def command(self, name: str) -> Value:
        if name in FUNCTIONS:
            return self.applied(name)
        self.position += 1
        if name == "frac":
            top = self.digit()
            return top / self.digit()
        if name == "binom":
            return binomial(self.argument(), self.argument())
        if name == "sqrt":
            degree = self.group("[") if self.peek() == "[" else number(2)
            return power(self.argument(), ONE / degree)
        if name in ("pi", "infty"):
            return symbol("π" if name == "pi" else "∞")
        if name in GREEK:
            self.position -= 1
            self.tokens = list(self.tokens)
            self.tokens[self.position] = Token("letter", "\\" + name, spaced=False)
            return self.name()
        raise Unreadable(f"the command {name!r}")

    def applied(self, name: str) -> Value:
        r"""`\sin^2 2x`, `\log_2 8`, `\ln(x+1)`."""
        self.position += 1
        base, exponent = None, None
        while self.peek() in ("^", "_"):
            mark = self.peek()
            self.position += 1
            if mark == "^":
                exponent = self.argument()
            else:
                base = self.argument()
        inner = self.group(self.peek()) if self.peek() in ("(", "{", "[") else self.bare_argument()
        if exponent == number(-1):
            raise Unreadable("an inverse function written as a power")
        value = self.called(name, inner, base)
        return value if exponent is None else power(value, exponent)

    def bare_argument(self) -> Value:
        argument = self.factor()
        while self.peek() and self.peek() in _STARTS and self.peek() not in (*FUNCTIONS, "(", "[", "0"):
            argument *= self.factor()
        if self.peek() == "/" and argument.rational is None:
            self.position += 1
            argument /= self.factor()
        return argument

    def called(self, name: str, inner: Value, base: Value | None) -> Value:
        if name == "exp":
            return power(symbol("e"), inner)
        if name == "log":
            return function("ln", inner) / function("ln", base or number(10))
        return function(name, inner)


_STARTS = (
    frozenset(("0", "a", "(", "[", "{", "|", "frac", "binom", "sqrt", "pi", "infty", "lfloor", "lceil"))
    | FUNCTIONS
    | GREEK
)
_STARTS -= {"|"}
