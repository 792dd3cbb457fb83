"""Whether the Hugging Face Hub can be reached, decided within seconds; its client would retry for minutes."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

__all__ = ["hub_unavailable_reason"]

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


def _proxied(scheme: str) -> bool:
    """Whether requests go through a proxy, so that a direct connection proves nothing."""
    names = (f"{scheme}_proxy", "all_proxy")
    return any(os.environ.get(name) or os.environ.get(name.upper()) for name in names)
