"""Where a model comes from, and what is refused: a folder or a name on the Hub, never code that lies beside it.

Weights are read from safetensors alone, and the model and tokenizer classes are those of the installed transformers.
A checkpoint whose tensors are not exactly the model's would start from random numbers, different at each load.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PretrainedConfig
from transformers.utils import logging
from transformers.utils.logging import disable_progress_bar

from benchmark.contract import Model, Prompt
from benchmark.errors import ConfigurationError, DataUnavailable, MethodFault
from benchmark.model.extra_tensors import harmful
from benchmark.model.hub import hub_unavailable_reason
from benchmark.model.lora import with_lora
from benchmark.model.pocket import POCKET
from benchmark.model.policy import LanguagePolicy
from benchmark.model.tokens import format_of

__all__ = ["load_policy", "load_trained"]

UNREADABLE = (OSError, ValueError, KeyError, ImportError, RuntimeError, AttributeError, TypeError, SafetensorError)
"""What transformers raises when a folder is not what it should be."""
MOST_NAMES = 3
"""Tensors that a refusal names."""


def load_policy(
    model: Model,
    instruction: str,
    prompt: Prompt | None = None,
    examples: Sequence[tuple[str, str]] = (),
    *,
    device: str | None = None,
) -> LanguagePolicy:
    """The starting policy of a suite, its way of being read proved (`benchmark.model.verify`).

    Raises `DataUnavailable` when the weights are neither local nor reachable, and `ConfigurationError` when they, the
    tokenizer or the model are unfit.
    """
    folder = POCKET if model.source == "pocket" else Path(model.source)
    reason = "it is a local folder" if folder.is_dir() else hub_unavailable_reason()
    if folder.is_dir():
        _refuse_folder(folder, model.source)
    source = str(folder) if folder.is_dir() else model.source
    where = {"revision": model.revision, "local_files_only": reason is not None, "trust_remote_code": False}
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    with _quiet():
        tokenizer = _tokenizer(model, source, where, reason)
        network = _network(model, source, where, reason)
        _refuse_foreign_tokenizer(tokenizer, network, model.source)
        network = network.to(device)
        if model.lora_rank is not None:
            network = with_lora(network, model)
    asked = format_of(model, prompt or Prompt(), instruction, examples)
    policy = LanguagePolicy(network, tokenizer, asked, model.lora_rank is not None)
    policy.proved()
    return policy


def load_trained(folder: Path, start: Path, model: Model) -> Any:  # noqa: ANN401 - transformers' models share no type
    """The network that a program left in `folder`: whole weights, or an adapter of peft's to the network in `start`.

    Raises `MethodFault` where there is neither, where they are not safetensors, or where tensors are missing.
    """
    adapter = (folder / "adapter_config.json").is_file()
    if not any(folder.glob("adapter_model.safetensors" if adapter else "*.safetensors")):
        left = ", ".join(sorted(path.name for path in folder.iterdir())[:6]) or "nothing"
        raise MethodFault(
            f"the program left no weights in safetensors in {{out}}, but {left}: end it with "
            "model.save_pretrained(out), of the whole model or of a peft adapter."
        )
    where = {"local_files_only": True, "trust_remote_code": False}
    try:
        with _quiet():
            if not adapter:
                return _network(replace(model, source=str(folder)), str(folder), where, None)
            from peft import PeftModel  # noqa: PLC0415 - a second's import that other rows do not need

            whole = _network(replace(model, source=str(start)), str(start), where, None)
            return PeftModel.from_pretrained(whole, str(folder)).merge_and_unload()
    except (*UNREADABLE, ConfigurationError) as error:
        raise MethodFault(f"what the program left in {{out}} cannot be read: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' words on configuration fields that change nothing here: what matters is raised."""
    disable_progress_bar()
    loud = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(loud)


def _refuse_folder(folder: Path, name: str) -> None:
    """A local folder without the files that a policy is made of."""
    if not (folder / "config.json").is_file():
        raise DataUnavailable(
            f"model '{name}': the folder has no config.json. Name a folder that save_pretrained wrote."
        )
    if not any(folder.glob("*.safetensors")):
        others = sorted(path.name for pattern in ("*.bin", "*.pt", "*.gguf") for path in folder.glob(pattern))
        instead = f" ({others[0]} is not read, because such files can hold code or other formats)" if others else ""
        raise DataUnavailable(
            f"model '{name}': the folder has no weights in safetensors{instead}. Load the model once and write it with "
            "save_pretrained."
        )
    if not any(path.name.startswith(TOKENIZER_FILES) for path in folder.iterdir()):
        raise DataUnavailable(
            f"model '{name}': the folder has no tokenizer. Write it there: "
            "AutoTokenizer.from_pretrained(…).save_pretrained(folder)."
        )


TOKENIZER_FILES = (
    "tokenizer.",
    "vocab.",
    "spiece.",
    "sentencepiece.",
    "tekken.",
    "merges.",
    "source.spm",
    "qwen.tiktoken",
)
"""How the names of files with a vocabulary begin; tokenizer_config.json holds none."""


def _tokenizer(model: Model, source: str, where: dict[str, Any], reason: str | None) -> Any:  # noqa: ANN401 - untyped there
    try:
        return AutoTokenizer.from_pretrained(source, **where)
    except UNREADABLE as error:
        raise _refusal(model, "tokenizer", reason, error) from error


def _network(model: Model, source: str, where: dict[str, Any], reason: str | None) -> Any:  # noqa: ANN401 - untyped there
    try:
        with torch.random.fork_rng():  # what is missing is drawn at random before it is refused
            network, found = AutoModelForCausalLM.from_pretrained(
                source, dtype=getattr(torch, model.dtype), use_safetensors=True, output_loading_info=True, **where
            )
    except UNREADABLE as error:
        raise _refusal(model, "weights", reason, error) from error
    for what in ("missing_keys", "mismatched_keys"):
        names = sorted(str(each[0] if isinstance(each, tuple) else each) for each in found.get(what, ()))
        if names:
            raise ConfigurationError(
                f"model '{model.source}': {len(names)} tensor{'s are' if len(names) > 1 else ' is'} "
                f"{what.partition('_')[0]} in its weights, {names[0]} first, and would be filled with random numbers: "
                "complete the folder, or name the model that its config.json describes."
            )
    _refuse_extra(model, network, found.get("unexpected_keys", ()), source, where)
    return network


def _refuse_extra(model: Model, network: Any, names: Collection[str], source: str, where: dict[str, Any]) -> None:  # noqa: ANN401 - untyped there
    """Tensors that have no place in the model, unless a rule of `extra_tensors` says that they change nothing."""
    if not names:
        return
    config, _ = PretrainedConfig.get_config_dict(source, **where)
    wrong = harmful(names, network, config)
    if wrong:
        few = ", ".join(wrong[:MOST_NAMES]) + (", …" if len(wrong) > MOST_NAMES else "")
        raise ConfigurationError(
            f"model '{model.source}': its weights hold {len(wrong)} tensor{'s' if len(wrong) > 1 else ''} for which "
            f"{type(network).__name__} has no place ({few}) and without which it is another model: name the model that "
            "its config.json describes, or remove them from the weights."
        )


def _refusal(model: Model, what: str, reason: str | None, error: BaseException) -> ConfigurationError:
    """One sentence, whatever transformers said."""
    said = " ".join(str(error).split())
    if "trust_remote_code" in said or "custom code" in said:
        return ConfigurationError(
            f"model '{model.source}' asks for code that lies in its own folder, which is never run here: name a model "
            "whose class comes with the installed transformers."
        )
    if isinstance(error, OSError) and not Path(model.source).is_dir():
        return DataUnavailable(
            f"no model '{model.source}' here ({reason or type(error).__name__}). "
            "Name a folder with weights and tokenizer, or 'pocket'."
        )
    return DataUnavailable(
        f"model '{model.source}': its {what} cannot be read ({type(error).__name__}: {said[:200]}). "
        "Name a folder that save_pretrained of a causal language model and its tokenizer wrote."
    )


def _refuse_foreign_tokenizer(tokenizer: Any, network: Any, name: str) -> None:  # noqa: ANN401 - untyped there
    """A tokenizer that cannot be this model's: far too small, or with tokens that the model does not have."""
    tokens, rows = len(tokenizer), int(network.get_input_embeddings().weight.shape[0])
    if tokens * 2 < rows:
        raise ConfigurationError(
            f"model '{name}': the tokenizer knows {tokens:,} tokens and the model {rows:,}: it is not this model's, or "
            "its vocabulary file is missing and transformers made an empty one. Put the right one into the folder."
        )
    if max(tokenizer("The answer is 42.").input_ids, default=0) >= rows:
        raise ConfigurationError(
            f"model '{name}': the tokenizer gives tokens that the model does not have ({rows:,} rows): put the right "
            "tokenizer into the folder."
        )
