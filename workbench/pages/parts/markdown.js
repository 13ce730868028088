// A guideline's Markdown as elements: headings, lists, emphasis, code, links to the web. Nothing in it is ever HTML.
import { html } from "./html.js";

const INLINE = /(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*|\[[^\]]+\]\([^)\s]+\))/;

function inline(text) {
  return text.split(INLINE).map((part) => {
    if (/^`.+`$/.test(part)) return html`<code>${part.slice(1, -1)}</code>`;
    if (/^\*\*.+\*\*$/.test(part)) return html`<strong>${part.slice(2, -2)}</strong>`;
    if (/^\*.+\*$/.test(part)) return html`<em>${part.slice(1, -1)}</em>`;
    const link = /^\[([^\]]+)\]\((https?:\/\/[^)\s]+)\)$/.exec(part);
    return link ? html`<a href=${link[2]} rel="noopener noreferrer" target="_blank">${link[1]}</a>` : part;
  });
}

function block(lines) {
  const heading = /^(#{1,4})\s+(.*)$/.exec(lines[0]);
  if (heading && lines.length === 1) {
    const level = heading[1].length;
    return level < 2 ? html`<h3 dir="auto">${inline(heading[2])}</h3>` : html`<h4 dir="auto">${inline(heading[2])}</h4>`;
  }
  const items = (mark) => lines.map((line) => html`<li>${inline(line.replace(mark, ""))}</li>`);
  if (lines.every((line) => /^\s*[-*]\s+/.test(line))) return html`<ul dir="auto">${items(/^\s*[-*]\s+/)}</ul>`;
  if (lines.every((line) => /^\s*\d+[.)]\s+/.test(line))) return html`<ol dir="auto">${items(/^\s*\d+[.)]\s+/)}</ol>`;
  if (lines.every((line) => line.startsWith(">"))) {
    return html`<blockquote dir="auto">${inline(lines.map((line) => line.replace(/^>\s?/, "")).join("\n"))}</blockquote>`;
  }
  return html`<p dir="auto">${inline(lines.join("\n"))}</p>`;
}

export function blocksOf(text) {
  const blocks = [];
  let lines = [];
  const end = () => {
    if (lines.length) blocks.push(lines);
    lines = [];
  };
  const sort = (line) => (/^\s*[-*]\s+/.test(line) ? "-" : /^\s*\d+[.)]\s+/.test(line) ? "1" : /^>/.test(line) ? ">" : "p");
  for (const line of text.split(/\r?\n/)) {
    if (!line.trim()) end();
    else if (/^#{1,4}\s/.test(line)) {
      end();
      blocks.push([line]);
    } else {
      if (lines.length && sort(lines.at(-1)) !== sort(line)) end();
      lines.push(line);
    }
  }
  end();
  return blocks;
}

export function Markdown({ text }) {
  return html`<div class="prose">${blocksOf(text).map(block)}</div>`;
}
