"""Whether the Hugging Face Hub can be reached, decided within seconds; its client would retry for minutes."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["hub_commit", "hub_unavailable_reason"]

CONNECT_SECONDS = 3.0
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})


def hub_unavailable_reason(*switches: str) -> str | None:
    """Why the Hub cannot be reached, or `None` if it can. Variables named in `switches` also disable it."""
    for variable in ("HF_HUB_OFFLINE", *switches):
        if os.environ.get(variable, "").lower() in TRUE_WORDS:
            return f"the Hub is switched off by {variable}"
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    host, port = endpoint.hostname or "huggingface.co", endpoint.port or (80 if endpoint.scheme == "http" else 443)
    if _proxied(endpoint.scheme):
        return None
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        return f"the Hub ({host}) is not reachable ({error})"
    return None


def hub_commit(name: str, revision: str | None = None) -> str | None:
    """The commit of a model's repository that a load would read: the Hub's, or the cache's where it is not reachable.

    `None` for a name that is neither there nor in the cache.
    """
    import huggingface_hub  # noqa: PLC0415 - reports and listings never ask

    if hub_unavailable_reason() is None:
        try:
            return huggingface_hub.HfApi().model_info(name, revision=revision).sha
        except (OSError, ValueError):  # what the client raises for an unknown or invalid name, and without access
            return None
    try:
        kept = huggingface_hub.try_to_load_from_cache(name, "config.json", revision=revision)
    except ValueError:  # no name of a repository
        return None
    return Path(kept).parent.name if isinstance(kept, str) else None


def _proxied(scheme: str) -> bool:
    """Whether requests go through a proxy, so that a direct connection proves nothing."""
    names = (f"{scheme}_proxy", "all_proxy")
    return any(os.environ.get(name) or os.environ.get(name.upper()) for name in names)
