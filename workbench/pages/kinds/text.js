// Free text. The label is the text in Unicode's form C with plain line ends.
import { html, useLayoutEffect, useRef } from "../parts/html.js";
import { t } from "../parts/strings.js";

const written = (draft) => draft.replace(/\r\n?/g, "\n").normalize("NFC");
const length = (text) => [...text].length;
const MOST = 20_000;

function Editor({ schema, draft, change }) {
  const field = useRef(null);
  // With the change of the page and not after it is painted: who types at once types here.
  useLayoutEffect(() => field.current?.focus(), []);
  return html`<label class="writing">${t("text.write")}
    <textarea ref=${field} dir="auto" rows="8" value=${draft} onInput=${(event) => change(event.target.value)} />
    <span class="quiet" aria-live="polite">${t("text.count", {
      count: length(written(draft)), most: schema.characters_max ?? MOST })}</span></label>`;
}

// Words and the blanks between, so that what two texts share can be told.
const words = (text) => text.match(/\S+\s*/g) ?? [];

export default {
  writes: true,
  begin: () => "",
  problem(draft, { characters_min: least = 1, characters_max: most = MOST }) {
    const count = length(written(draft));
    if (count < least) return ["text.few", { count: least }];
    if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(written(draft))) return ["text.controls", {}];
    return count > most ? ["text.many", { count: most }] : null;
  },
  label: written,
  draft: (label) => label,
  pieces: words,
  Editor,
  Shown: ({ label }) => html`<p class="said text" dir="auto">${label}</p>`,
};
