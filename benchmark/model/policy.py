"""A language model as the harness sees it: load, sample, log-probabilities with gradient, a frozen reference.

The one module, with `sampler`, that knows transformers and peft. Prompts are tokenised here and nowhere else, so every
method and the examiner feed the model the same tokens.
"""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.utils.logging import disable_progress_bar

from benchmark.contract import Completion, Model
from benchmark.errors import DataUnavailable
from benchmark.model.hub import hub_unavailable_reason
from benchmark.model.pocket import POCKET
from benchmark.model.sampler import Sampled, cache_keyword, positions, sample

__all__ = ["LanguagePolicy", "Prompts", "Scored", "label_and_end_logp", "load_policy"]


class Prompts(NamedTuple):
    """P tokenised prompts, left-padded."""

    ids: Tensor
    """[P, L]"""
    mask: Tensor
    """[P, L] int64"""


class Scored(NamedTuple):
    """One forward pass over completions."""

    logp: Tensor
    """[B, T] log-probability of each token under the tempered distribution; carries gradient; 0 on padding."""
    states: Tensor
    """[B, T, H] last hidden state *before* each token is emitted: column t belongs to state s_t of the token tree."""
    prompt_state: Tensor
    """[P, H] mean of the last hidden states over the prompt's tokens."""
    end_logp: Tensor | None = None
    """[B, T] log-probability of ending instead of each token, at s_0 … s_{T-1}; 0 on padding; only when asked for."""


@dataclass
class LanguagePolicy:
    """A causal language model with its tokenizer, on one device."""

    model: Any
    tokenizer: Any
    instruction: str | None = None
    """Sentence appended to a prompt in the chat template; `None` feeds the bare prompt and a newline."""
    lora: bool = False
    """Whether `model` is wrapped by peft: then only its adapter is trained."""

    def __post_init__(self) -> None:
        self.network = self.model.get_base_model() if self.lora else self.model  # with or without adapters inside
        self._backbone = self.network.base_model
        self._head = self.network.get_output_embeddings()
        eos = self.network.generation_config.eos_token_id if self.network.generation_config else None
        eos = self.tokenizer.eos_token_id if eos is None else eos
        self._eos_ids = torch.tensor([eos] if isinstance(eos, int) else list(eos), device=self.device)
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model.eval()  # no dropout, neither in sampling nor in training: the ratio is exactly 1 on-policy

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        weight: Tensor = next(self.model.parameters())
        return weight.device

    @property
    def hidden_size(self) -> int:
        """H."""
        return int(self.network.config.hidden_size)

    @property
    def trainable(self) -> list[torch.nn.Parameter]:
        """The weights training may change."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def instructed(self, instruction: str) -> LanguagePolicy:
        """The same weights with another task's sentence on how to answer; a bare prompt has none."""
        if self.instruction is None:
            return self
        return LanguagePolicy(self.model, self.tokenizer, instruction, self.lora)

    def render(self, prompt: str) -> str:
        """The text the model reads for a problem's prompt."""
        if self.instruction is None:
            return prompt + "\n"
        message = [{"role": "user", "content": f"{prompt}\n{self.instruction}"}]
        return str(self.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True))

    def encode(self, prompts: Sequence[str]) -> Prompts:
        """Rendered and tokenised, left-padded."""
        rows = self.tokenizer([self.render(prompt) for prompt in prompts], add_special_tokens=False).input_ids
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), self.tokenizer.pad_token_id)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for row, tokens in enumerate(rows):
            ids[row, longest - len(tokens) :] = torch.tensor(tokens)
            mask[row, longest - len(tokens) :] = 1
        return Prompts(ids.to(self.device), mask.to(self.device))

    def encode_completions(self, texts: Sequence[str], limit: int) -> Sampled:
        """Given texts as if they had been sampled, each closed by end-of-sequence; `logp` is zero. Cut at `limit`."""
        rows = [
            [*ids, self.tokenizer.eos_token_id]
            for ids in self.tokenizer(list(texts), add_special_tokens=False).input_ids
        ]
        longest = min(limit, max(map(len, rows)))
        ids = torch.full((len(rows), longest), self.tokenizer.pad_token_id)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens[:longest])
        lengths = torch.tensor([len(tokens) for tokens in rows])
        mask = (torch.arange(longest) < lengths.unsqueeze(1)).float()
        device = self.device
        return Sampled(
            ids.to(device), mask.to(device), torch.zeros_like(mask, device=device), (lengths <= longest).to(device)
        )

    def sample(self, prompts: Prompts, noise: Tensor, *, temperature: float) -> Sampled:
        """Completions from the current weights; see `benchmark.model.sampler`."""
        return sample(
            self._backbone,
            self._head,
            prompts.ids,
            prompts.mask,
            noise.to(self.device),
            temperature=temperature,
            eos_ids=self._eos_ids,
            pad_id=self.tokenizer.pad_token_id,
        )

    def decode(self, sampled: Sampled) -> list[Completion]:
        """Texts with their token counts, special tokens left out."""
        lengths = sampled.mask.sum(1).int().tolist()
        rows = [row[:length] for row, length in zip(sampled.ids.tolist(), lengths, strict=True)]
        texts = self.tokenizer.batch_decode(rows, skip_special_tokens=True)
        ended = sampled.terminated.tolist()
        return [Completion(text, length, not end) for text, length, end in zip(texts, lengths, ended, strict=True)]

    def complete(
        self,
        prompts: Sequence[str],
        *,
        samples: int,
        temperature: float,
        max_tokens: int,
        seed: int,
        batch_completions: int,
    ) -> list[list[Completion]]:
        """`samples` completions of each prompt; does not depend on `batch_completions`, but for rounding."""
        noise = torch.rand(len(prompts) * samples, max_tokens, generator=torch.Generator().manual_seed(seed))
        size = max(1, batch_completions // samples)
        completions: list[Completion] = []
        for start in range(0, len(prompts), size):
            chunk = prompts[start : start + size]
            part = noise[start * samples : (start + len(chunk)) * samples]
            completions += self.decode(self.sample(self.encode(chunk), part, temperature=temperature))
        return [completions[i : i + samples] for i in range(0, len(completions), samples)]

    def prefixes(self, sampled: Sampled) -> list[list[str]]:
        """Texts of all prefixes of each completion: after 0, 1, … n tokens, special tokens left out."""
        lengths = sampled.mask.sum(1).int().tolist()
        rows = sampled.ids.tolist()
        cut = [row[:t] for row, n in zip(rows, lengths, strict=True) for t in range(n + 1)]
        texts = iter(self.tokenizer.batch_decode(cut, skip_special_tokens=True))
        return [[next(texts) for _ in range(n + 1)] for n in lengths]

    def score(self, prompts: Prompts, ids: Tensor, mask: Tensor, *, temperature: float, ends: bool = False) -> Scored:
        """Log-probabilities of given completions [B, T]; rows are prompt-major, B a multiple of P.

        Each prompt is read once and shared by its group, forwards and backwards. `ends` also gives the log-probability
        of ending at every prefix, from the same logits.
        """
        group = len(ids) // len(prompts.ids)
        cache = DynamicCache(config=self._backbone.config)
        cached = {cache_keyword(self._backbone): cache, "use_cache": True}
        prefix = self._backbone(
            input_ids=prompts.ids,
            attention_mask=prompts.mask,
            position_ids=positions(prompts.mask),
            **cached,
        ).last_hidden_state  # [P, L, H]
        states = prefix[:, -1:].repeat_interleave(group, 0)  # [B, 1, H]
        if ids.shape[1] > 1:
            cache.batch_repeat_interleave(group)
            start = prompts.mask.sum(1, keepdim=True).repeat_interleave(group, 0)
            seen = torch.cat((prompts.mask.repeat_interleave(group, 0), mask[:, :-1].long()), 1)
            later = self._backbone(
                input_ids=ids[:, :-1],
                attention_mask=seen,
                position_ids=start + torch.arange(ids.shape[1] - 1, device=ids.device),
                **cached,
            ).last_hidden_state
            states = torch.cat((states, later), 1)  # [B, T, H]
        valid = mask.bool()
        logits = self._head(states[valid]).float()  # [valid tokens, V]: padding costs no vocabulary-wide work
        logp = torch.zeros_like(mask)
        logp[valid], ending = label_and_end_logp(logits, ids[valid], self._eos_ids, temperature, ends=ends)
        end_logp = None
        if ending is not None:
            end_logp = torch.zeros_like(mask)
            end_logp[valid] = ending
        weights = prompts.mask.unsqueeze(-1).to(prefix.dtype)
        return Scored(logp, states, (prefix * weights).sum(1) / weights.sum(1), end_logp)

    def snapshot(self) -> LanguagePolicy:
        """A frozen copy of the policy as it is now, adapter included."""
        frozen = copy.deepcopy(self.model).requires_grad_(False)
        return LanguagePolicy(frozen, self.tokenizer, self.instruction, self.lora)

    def reference(self) -> LanguagePolicy:
        """The policy as it is now, frozen: a copy, or for LoRA the same weights with the adapter switched off."""
        if self.lora:
            return _WithoutAdapter(self.model, self.tokenizer, self.instruction, lora=True)
        return self.snapshot()

    def digest(self) -> str:
        """SHA-256 over names and values of all weights."""
        total = hashlib.sha256()
        for name, value in sorted(self.model.state_dict().items()):
            total.update(name.encode())
            total.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return total.hexdigest()

    def prompt_digest(self) -> str:
        """SHA-256 over how a fixed prompt is rendered and tokenised."""
        text = self.render("{problem}")
        return hashlib.sha256(
            repr((text, self.tokenizer(text, add_special_tokens=False).input_ids)).encode()
        ).hexdigest()


class _WithoutAdapter(LanguagePolicy):
    """The base model under a LoRA adapter."""

    def score(self, prompts: Prompts, ids: Tensor, mask: Tensor, *, temperature: float, ends: bool = False) -> Scored:
        with self.model.disable_adapter():
            return super().score(prompts, ids, mask, temperature=temperature, ends=ends)


def label_and_end_logp(
    logits: Tensor, labels: Tensor, eos_ids: Tensor, temperature: float, *, ends: bool
) -> tuple[Tensor, Tensor | None]:
    """[N] log-probability of `labels` [N], and of ending, under `logits` [N, V] divided by the temperature.

    Ending costs two dot products, not a second normalisation: log π(end) = log π(label) + (logit_end − logit_label)/T.
    """
    logits = logits / temperature if temperature != 1 else logits
    logp = -torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    if not ends:
        return logp, None
    end = logits[:, eos_ids].logsumexp(1)
    return logp, logp + end - logits.gather(1, labels.unsqueeze(1)).squeeze(1)


def load_policy(model: Model, instruction: str, *, device: str | None = None) -> LanguagePolicy:
    """The starting policy of a suite. Raises `DataUnavailable` when the weights are neither local nor reachable."""
    source = str(POCKET) if model.source == "pocket" else model.source
    reason = "it is a local folder" if Path(source).is_dir() else hub_unavailable_reason()
    where = {"revision": model.revision, "local_files_only": reason is not None}  # what the Hub gave before still loads
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers warns about configuration fields that change nothing here
        try:
            tokenizer = AutoTokenizer.from_pretrained(source, **where)
            network = AutoModelForCausalLM.from_pretrained(
                source, dtype=getattr(torch, model.dtype), attn_implementation="sdpa", **where
            )
        except OSError as error:
            raise DataUnavailable(
                f"no model '{model.source}' here ({reason or type(error).__name__}). "
                "Name a folder with weights and tokenizer, or 'pocket'."
            ) from error
        network = network.to(device)
        if model.lora_rank is not None:
            network = _with_lora(network, model)
    return LanguagePolicy(network, tokenizer, instruction if model.chat else None, model.lora_rank is not None)


def _with_lora(network: Any, model: Model) -> Any:  # noqa: ANN401 - transformers' models share no type
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415 - a second's import that full training does not need

    config = LoraConfig(
        r=model.lora_rank,
        lora_alpha=model.lora_alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng():  # peft draws from the global generator: give it a fixed seed and take it back
        torch.manual_seed(0)
        return get_peft_model(network, config)
