// Foreign text is data: it enters the page as text nodes only, and what cannot be seen is named.

const FOLD = 1500;
const UNSEEN = /([\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])/u;

/** An element with properties and children; strings become text nodes. */
function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "dir") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

/** Text into a node; control, format and lone surrogate characters as their code points. */
function appendText(node, text) {
  for (const part of text.split(UNSEEN)) {
    const named = UNSEEN.test(part) && part !== "\n" && part !== "\t" && part.length <= 2;
    if (named) node.append(el("span", { className: "unseen", textContent: codePoint(part) }));
    else node.append(part);
  }
}

function codePoint(character) {
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A block of foreign text in its own direction, folded when it is long. */
function textBlock(text, className) {
  const block = el("pre", { className, dir: "auto" });
  if (text.length <= FOLD) {
    appendText(block, text);
    return block;
  }
  const cut = text.codePointAt(FOLD - 1) > 0xffff ? FOLD - 1 : FOLD;
  appendText(block, text.slice(0, cut));
  const more = el("button", { type: "button", className: "more" });
  more.textContent = `… show all ${text.length.toLocaleString("en")} characters`;
  more.addEventListener("click", () => {
    block.replaceChildren();
    appendText(block, text);
    more.remove();
    block.tabIndex = -1;
    block.focus();
  });
  return el("div", {}, block, more);
}

/** A short piece of foreign text inside a line. */
function textInline(text) {
  const node = el("bdi", { className: "foreign" });
  appendText(node, text.length > 300 ? `${text.slice(0, 300)}…` : text);
  return node;
}
