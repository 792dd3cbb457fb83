"""How a problem becomes the tokens that a model reads, and what ends a completion.

A bare prompt gets the special tokens that the tokenizer itself puts before a text (`<bos>`), never one twice; a chat
prompt is what the tokenizer's own template makes of its turns. A completion ends at any of the end tokens that the
generation configuration, the tokenizer and the chat template name between them, or where a stop string is complete.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jinja2 import TemplateError
from torch import Tensor

from benchmark.contract import Model, Prompt, Setting
from benchmark.errors import ConfigurationError
from benchmark.model.network import text_config

__all__ = ["PromptFormat", "Vocabulary", "format_of"]

BARE = "{question}\n"
"""What the pocket policy was made to read."""
BARE_TOLD = "{question}\n{instruction}\n"
CHAT = "{question}\n{instruction}"


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """A suite's prompt for one task, with everything filled in but the question."""

    template: str = BARE
    """With `{question}`."""
    chat: bool = False
    """Whether the template's text is a user's turn in the tokenizer's chat template."""
    system: str | None = None
    examples: tuple[tuple[str, str], ...] = ()
    """Questions with their solutions, shown before the question."""
    turns: bool = False
    """Whether examples are turns of their own, in a chat."""
    preamble: str = ""
    answer_prefix: str = ""
    separator: str = "\n\n"
    stop: tuple[str, ...] = ()
    prefill: str = ""
    template_arguments: Mapping[str, Setting] = field(default_factory=dict)

    def text(self, question: str) -> str:
        """Bare prompt, or the user's turn: preamble, examples where they are text, and the question."""
        shown = "" if self.turns else "".join(f"{self.shown(*example)}{self.separator}" for example in self.examples)
        return f"{self.preamble}{shown}{self.asked(question)}"

    def asked(self, question: str) -> str:
        """The question in the template."""
        return self.template.replace("{question}", question)

    def shown(self, question: str, solution: str) -> str:
        """An example as text."""
        return f"{self.asked(question)}{self.answer_prefix}{solution}"

    def messages(self, question: str) -> list[dict[str, str]]:
        """The turns of a chat."""
        found = [] if self.system is None else [("system", self.system)]
        for example, solution in self.examples if self.turns else ():
            found += [("user", self.asked(example)), ("assistant", solution)]
        return [{"role": role, "content": content} for role, content in [*found, ("user", self.text(question))]]


def format_of(model: Model, prompt: Prompt, instruction: str, examples: Sequence[tuple[str, str]] = ()) -> PromptFormat:
    """The prompt of one task: `instruction` is its sentence on how to answer, `examples` are those chosen for it.

    Where the suite gives no template, the pocket policy reads the question and a line break, a chat model's turn and a
    base model's text hold the instruction, too.
    """
    default = CHAT if model.chat else BARE if model.source == "pocket" else BARE_TOLD
    system = prompt.system if model.chat or prompt.system is None else None
    preamble = prompt.preamble if model.chat or prompt.system is None else f"{prompt.system}\n\n{prompt.preamble}"
    return PromptFormat(
        template=(default if prompt.template is None else prompt.template).replace("{instruction}", instruction),
        chat=model.chat,
        system=system,
        examples=tuple(examples),
        turns=model.chat and prompt.shots_as == "turns",
        preamble=preamble.replace("{instruction}", instruction),
        answer_prefix=prompt.answer_prefix,
        separator=prompt.shot_separator,
        stop=prompt.stop,
        prefill=prompt.prefill,
        template_arguments=prompt.template_arguments,
    )


class Vocabulary:
    """A tokenizer as its model needs it. Raises `ConfigurationError` where one of the two is unfit for the prompt."""

    def __init__(self, tokenizer: Any, network: Any, prompt: PromptFormat) -> None:  # noqa: ANN401 - untyped there
        self._tokenizer, self._prompt = tokenizer, prompt
        self._size = int(network.get_input_embeddings().weight.shape[0])
        named = [value for key, value in vars(text_config(network)).items() if key.endswith("token_id")]
        self._named = {token for value in named for token in (value if isinstance(value, list | tuple) else [value])}
        if prompt.chat and not tokenizer.chat_template:
            raise ConfigurationError(
                "chat = true, but this tokenizer has no chat template: take an instruct model, or leave chat out."
            )
        turn = self._end_of_turn()
        ends = _end_ids(network, tokenizer, turn, self._size)
        if not ends:
            raise ConfigurationError(
                "this model has no end token, neither in its generation_config.json nor in its tokenizer, so no "
                "completion could end: write 'eos_token_id' into its generation_config.json."
            )
        self.ends: list[int] = ends
        """Ids of the tokens that end a completion."""
        own = tokenizer.eos_token_id
        self.closing: int = turn if prompt.chat and turn is not None else own if own in ends else ends[0]
        """The one that closes a given solution: the template's end of turn in a chat, else the tokenizer's own."""
        if tokenizer.pad_token_id is None and tokenizer.eos_token is not None:
            tokenizer.pad_token = tokenizer.eos_token
        self.pad: int = ends[0] if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        if self.pad >= self._size:  # a padding token that was added to the tokenizer alone
            self.pad = ends[0]
        self._window = max(map(len, prompt.stop), default=0) + 8

    def ordinary(self) -> list[int]:
        """Ids of tokens without a meaning of their own, at most 4,096 of them, spread over the vocabulary."""
        special = {*self._tokenizer.all_special_ids, *self._tokenizer.added_tokens_decoder, *self._named, *self.ends}
        known = [token for token in range(min(self._size, len(self._tokenizer))) if token not in special]
        return (known or list(range(min(self._size, len(self._tokenizer)))))[:: max(1, len(known) // 4096)]

    def render(self, question: str) -> str:
        """The whole text the model reads, without the special tokens a tokenizer adds to a bare text."""
        prompt = self._prompt
        if not prompt.chat:
            return prompt.text(question) + prompt.prefill
        return self._templated(prompt.messages(question), add_generation_prompt=True) + prompt.prefill

    def prompt_rows(self, questions: Sequence[str]) -> list[list[int]]:
        """The tokens of each prompt. Nothing is put behind them, also by tokenizers that close every text."""
        texts = [self.render(question) for question in questions]
        bare: list[list[int]] = self._tokenizer(texts, add_special_tokens=False).input_ids
        if self._prompt.chat:
            return bare
        begin = self._tokenizer.bos_token
        whole: list[list[int]] = self._tokenizer(texts).input_ids
        return [
            plain if begin is not None and text.startswith(begin) else _without_closing(full, plain)
            for text, plain, full in zip(texts, bare, whole, strict=True)
        ]

    def text_ids(self, text: str) -> list[int]:
        """Tokens of a text that continues another one."""
        return self._tokenizer(text, add_special_tokens=False).input_ids  # type: ignore[no-any-return]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Texts of completions, special tokens left out, each cut where the first stop string begins."""
        texts: list[str] = self._tokenizer.batch_decode(rows, skip_special_tokens=True)
        return [text[: self._stop_at(text)] for text in texts]

    def stopped(self, so_far: Tensor) -> Tensor:
        """Which completions [b, t] hold a stop string since their last token, [b] bool."""
        tails = self._tokenizer.batch_decode(so_far[:, -self._window :], skip_special_tokens=True)
        return torch.tensor([self._stop_at(tail) is not None for tail in tails], device=so_far.device)

    def unknown_share(self, ids: Sequence[int]) -> float:
        """Share of tokens for which the tokenizer has no word."""
        unknown = self._tokenizer.unk_token_id
        ordinary = unknown is None or unknown in self.ends or unknown == self._tokenizer.bos_token_id
        return 0.0 if ordinary or not ids else sum(token == unknown for token in ids) / len(ids)

    def _stop_at(self, text: str) -> int | None:
        places = [text.find(stop) for stop in self._prompt.stop]
        return min((place for place in places if place >= 0), default=None)

    def _templated(self, messages: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
        arguments = dict(self._prompt.template_arguments)
        try:
            return str(
                self._tokenizer.apply_chat_template(
                    messages, tokenize=False, add_generation_prompt=add_generation_prompt, **arguments
                )
            )
        except TemplateError as error:
            raise ConfigurationError(
                f"the tokenizer's chat template refuses these turns ({error}): leave out [prompt] system, or write "
                "the examples as text."
            ) from error

    def _end_of_turn(self) -> int | None:
        """The token with which the chat template closes an assistant's turn; `None` without one."""
        if not self._tokenizer.chat_template:
            return None
        turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": "the answer"}]
        try:
            text = self._templated(turns, add_generation_prompt=False)
        except ConfigurationError:
            return None
        behind = self.text_ids(re.sub(r"^\s+", "", text.rpartition("the answer")[2]))
        special = {*self._tokenizer.all_special_ids, *self._tokenizer.added_tokens_decoder}
        return behind[0] if behind and behind[0] in special else None


def _without_closing(whole: list[int], bare: list[int]) -> list[int]:
    """A text's tokens up to its own last one, where special tokens stand around `bare`."""
    found = (i for i in range(len(whole) - len(bare) + 1) if whole[i : i + len(bare)] == bare)
    first = next(found, None)
    return whole if first is None else whole[: first + len(bare)]


def _end_ids(network: Any, tokenizer: Any, turn: int | None, size: int) -> list[int]:  # noqa: ANN401 - untyped there
    """The union of what the generation configuration, the tokenizer and the template call an end."""
    generation = network.generation_config
    named = None if generation is None else generation.eos_token_id
    found = [*(named if isinstance(named, list | tuple) else [named]), tokenizer.eos_token_id, turn]
    return list(dict.fromkeys(token for token in found if token is not None and 0 <= token < size))
