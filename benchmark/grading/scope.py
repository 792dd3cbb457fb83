"""Which part of a completion may hold the answer: after the thoughts, before the end of the turn, outside drawings.

Inside or before an unfinished thought there is no answer. What a model writes behind its end token, or from the next
question or turn on once it has given an answer, belongs to another text.
"""

from __future__ import annotations

import re

__all__ = ["MAX_TEXT", "answering_part", "next_questions", "without_drawings"]

MAX_TEXT = 20_000
"""Only the last characters of a completion are read: the answer stands at its end."""

_NAMES = r"(?:think(?:ing)?|thoughts?|reason(?:ing)?|scratch_?pad|reflect(?:ion)?|analysis|cot|inner_monologue)"
_THOUGHT = re.compile(
    rf"[<\[◁](?:(?P<close>/(?:\w{{1,12}}[:_])?{_NAMES}\s?[>\]▷]|\|/{_NAMES}\|>|[|｜]end_?(?:of_?)?{_NAMES}[|｜]>|[|｜]{_NAMES}_?(?:end|stop)[|｜]>|channel\|>)"
    rf"|(?P<open>(?:\w{{1,12}}[:_])?{_NAMES}(?:\s[^<>\[\]]{{0,40}})?[>\]▷]|\|{_NAMES}\|>"
    rf"|[|｜](?:begin|start)_?(?:of_?)?{_NAMES}[|｜]>|[|｜]{_NAMES}_?(?:start|begin)[|｜]>|\|channel>thought))",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"^\W{0,3}(?:(?P<close>Here is my response)|(?P<open>Here is my thought process)):", re.IGNORECASE | re.MULTILINE
)
"""The headings that Granite writes."""
_HARMONY = re.compile(r"<\|channel\|>\s*(\w+)[^<]{0,40}<\|message\|>")
"""The channels of gpt-oss; only `final` is the answer."""

_END_NAMES = (
    r"im_end|im_start|im_sep|im_user|im_assistant|im_system|im_middle|endoftext|end_of_text|eot_id|eom_id|eot|eom|eos"
    r"|end|end_of_turn|end_of_sentence|end_of_role|end_of_message|end_of_utterance|endofprompt|endofturn|turn_end|return"
    r"|call|start_of_role|start_header_id|start|header_start|user|human|system|assistant|observation|separator"
    r"|END_OF_TURN_TOKEN|START_OF_TURN_TOKEN|startoftext|begin_of_text|bot|pad|endoffile|end_of_solution_text"
)
_END = re.compile(
    rf"[<\[](?:\|(?:{_END_NAMES})\|>|[|｜](?:end▁of▁sentence|begin▁of▁sentence|User|Assistant)[|｜]>"
    r"|/?(?:s|eos|bos|pad)>|(?:start|end)_of_turn>|end_of_utterance>|turn\|>|\|turn>|extra_id_\d>|/?INST\]|(?:EOS|BOS|/?SYSTEM_PROMPT)\]"
    r"|/s\]|reserved_10[67]>|/?(?:human|assistant|user)>)",
    re.IGNORECASE,
)
_OPENING = re.compile(
    rf"\s*(?:(?:{_END.pattern})\s*(?:(?:assistant|model|CHATBOT_TOKEN|gpt)\b(?:\s*(?=\n|<|$))?)?\s*)+", re.IGNORECASE
)
"""The head of the model's own turn, where the template is part of the text."""
_WRAPPERS = re.compile(
    r"<\|(?:begin|end)_of_solution\|>|<\|(?:START|END)_RESPONSE\|>|<\|begin_of_box\|>|<\|end_of_box\|>"
)

_NEXT = re.compile(
    r"\n[^\S\n]{0,8}(?:[#>*_\-]{1,6}[^\S\n]{0,3})?(?:(?:(?:new|next|another|follow-?up|sample|practice)[^\S\n])?"
    r"(?:question|problem|exercise|instruction|prompt|query|task|riddle|puzzle)(?:[^\S\n]{0,2}(?:\(?\#?\d{1,4}\)?))?"
    r"|q\d{0,3}|input|human|user|student|assistant|system|example[^\S\n]\d{1,3}|问题|题目|问|用户|問題|вопрос|задача"
    r"|pregunta|frage|domanda|pergunta)[^\S\n]{0,2}[*_]{0,3}[^\S\n]?[:：][*_]{0,3}(?!\S?//)"
    r"|\n[^\S\n]{0,8}#{1,6}[^\S\n](?:question|problem|exercise|instruction)\b[^\n:]{0,12}(?=\n|$)",
    re.IGNORECASE,
)


def answering_part(text: str) -> str | None:
    """The text in which the final answer may stand, at most `MAX_TEXT` characters; `None` inside a thought.

    Everything up to the last closed thought is cut, and everything from the first end token on.
    """
    if "<" in text or "[" in text or "◁" in text:
        if "<|channel|>" in text:
            final = _final_channel(text)
            if final is None:
                return None
            text = final
        opening = _OPENING.match(text)
        start = opening.end() if opening else 0
        end = _END.search(text, start)
        text = text[start : end.start() if end else None]
        text = _WRAPPERS.sub(" ", text)
    text = text[-MAX_TEXT:] if _thoughtless(text) else text
    text_after = _after_thoughts(text)
    return None if text_after is None else without_drawings(text_after[-MAX_TEXT:])


def _thoughtless(text: str) -> bool:
    """Whether nothing in the text could open or close a thought, so that its end alone may be read."""
    return "<" not in text and "[" not in text and "◁" not in text and "Here is my" not in text


def _after_thoughts(text: str) -> str | None:
    if _thoughtless(text):
        return text
    last = None
    for match in (_SPOKEN if "Here is my" in text else _THOUGHT).finditer(text):
        last = match
    if last is None:
        return text
    return None if last["open"] else text[last.end() :]


def _final_channel(text: str) -> str | None:
    last = None
    for match in _HARMONY.finditer(text):
        last = match
    if last is None:
        return text
    return text[last.end() :] if last[1].lower() == "final" else None


def without_drawings(text: str) -> str:
    """Cut `[asy]…[/asy]`; an unclosed one stays."""
    if "[asy]" not in text:
        return text
    pieces, position = [], 0
    while (start := text.find("[asy]", position)) >= 0 and (end := text.find("[/asy]", start)) >= 0:
        pieces.append(text[position:start])
        position = end + len("[/asy]")
    return "".join([*pieces, text[position:]])


def next_questions(text: str) -> list[int]:
    """Where lines begin that open another question or turn."""
    if "\n" not in text or not (":" in text or "#" in text or "：" in text):
        return []
    return [match.start() for match in _NEXT.finditer(text)]
