// What a unit holds, shown as what it is: text, answers side by side, pictures, sound, film, or plain JSON.
import { html } from "./html.js";
import { t } from "./strings.js";

const uriOf = (content) => (content && typeof content === "object" && typeof content.uri === "string" ? content.uri : null);

// An address that may be shown; the page's policy has the last word on whose.
const SHOWN = /^(https?:|data:(image|audio|video)\/|blob:)/i;

function mediaOf(kind, mediaType, content) {
  const uri = uriOf(content);
  return uri && mediaType?.startsWith(kind) && SHOWN.test(uri) ? uri : null;
}

export const imageOf = (mediaType, content) => mediaOf("image/", mediaType, content);

const pictures = new Map();
const PICTURES_MAX = 12;

// Decode a picture ahead, so that a key only swaps what is in memory. Failure is told where it is shown.
export async function decoded(source) {
  if (!pictures.has(source)) {
    const picture = new Image();
    picture.src = source;
    pictures.set(source, picture);
    if (pictures.size > PICTURES_MAX) pictures.delete(pictures.keys().next().value);
  }
  try {
    await pictures.get(source).decode();
  } catch { /* told where it is shown */ }
}

// The text that spans count in: the unit's own, as it was stored.
export const textOf = (content) => (typeof content === "string" ? content : null);

// The two answers of a preference and what was asked, whatever the client calls them.
export function pairOf(content) {
  if (Array.isArray(content) && content.length === 2) return { prompt: null, a: content[0], b: content[1] };
  if (!content || typeof content !== "object") return { prompt: content, a: "A", b: "B" };
  const pairs = [["a", "b"], ["A", "B"], ["chosen", "rejected"], ["response_a", "response_b"]];
  const names = pairs.find(([a, b]) => a in content && b in content);
  const listed = ["answers", "responses"].find((name) => Array.isArray(content[name]) && content[name].length === 2);
  const used = new Set([...(names ?? []), ...(listed ? [listed] : [])]);
  const rest = Object.fromEntries(Object.entries(content).filter(([name]) => !used.has(name)));
  const [a, b] = names ? names.map((name) => content[name]) : listed ? content[listed] : ["A", "B"];
  return { prompt: Object.keys(rest).length ? rest : null, a, b };
}

export function Content({ content, mediaType = "" }) {
  const image = imageOf(mediaType, content);
  const audio = mediaOf("audio/", mediaType, content);
  const video = mediaOf("video/", mediaType, content);
  if (image) return html`<figure class="media"><img src=${image} alt=${t("unit.picture")} /></figure>`;
  // Units are sounds as they are: whoever labels them has nothing to write captions from.
  if (audio) return html`<figure class="media"><audio controls src=${audio} aria-label=${t("unit.sound")} /></figure>`;
  if (video) return html`<figure class="media"><video controls src=${video} aria-label=${t("unit.film")} /></figure>`;
  const uri = uriOf(content);
  if (uri) {
    return SHOWN.test(uri)
      ? html`<p><a href=${uri} rel="noopener noreferrer" target="_blank">${uri}</a></p>`
      : html`<p class="text" dir="auto">${uri}</p>`;
  }
  return html`<${Value} value=${content} />`;
}

const DEPTH_MAX = 6;

export function Value({ value, depth = 0 }) {
  if (typeof value === "string") return html`<p class="text" dir="auto">${value}</p>`;
  if (value === null || typeof value !== "object" || depth > DEPTH_MAX) {
    return html`<p class="text" dir="auto">${JSON.stringify(value)}</p>`;
  }
  if (Array.isArray(value)) {
    return html`<ol class="listed">${value.map((one) => html`<li><${Value} value=${one} depth=${depth + 1} /></li>`)}</ol>`;
  }
  return html`<dl class="fields">${Object.entries(value).map(([name, one]) => html`
    <div><dt dir="auto">${name}</dt><dd><${Value} value=${one} depth=${depth + 1} /></dd></div>`)}</dl>`;
}
