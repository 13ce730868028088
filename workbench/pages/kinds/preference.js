// Which of two answers is better, and by how much. People favour what stands first, so each sees A and B in an order of
// their own, drawn from the assignment; the label always names the true A and B.
import { html } from "../parts/html.js";
import { Key, useKeys } from "../parts/keys.js";
import { pairOf, Value } from "../parts/content.js";
import { isSwapped } from "../parts/seeded.js";
import { t } from "../parts/strings.js";

const other = { a: "b", b: "a", tie: "tie" };
const strengthsOf = ({ strengths = 1 }) => Array.from({ length: strengths }, (_, place) => place + 1);

// The scale from the left answer to the right one, as it is shown: [side on the screen, strength].
function scale(schema) {
  const levels = strengthsOf(schema);
  const tie = schema.ties === false ? [] : [["tie", 0]];
  return [...[...levels].reverse().map((level) => ["left", level]), ...tie, ...levels.map((level) => ["right", level])];
}

function Editor({ schema, content, draft, change, seed }) {
  const pair = pairOf(content);
  const swapped = isSwapped(seed);
  const [left, right] = swapped ? [pair.b, pair.a] : [pair.a, pair.b];
  const steps = scale(schema);
  const say = ([side, strength]) => change({ side, strength });
  const is = ([side, strength]) => draft !== null && draft.side === side && draft.strength === strength;
  useKeys({
    ...Object.fromEntries(steps.slice(0, 10).map((step, place) => [`pick${place + 1}`, () => say(step)])),
    left: () => say(["left", 1]), right: () => say(["right", 1]),
    ...(schema.ties === false ? {} : { tie: () => say(["tie", 0]) }),
  });
  return html`<div class="preference">
    ${pair.prompt !== null && html`<div class="prompt"><${Value} value=${pair.prompt} /></div>`}
    <div class="sides">
      ${[["left", left], ["right", right]].map(([side, answer]) => html`
        <article class=${`answer ${draft?.side === side ? "picked" : ""}`} aria-label=${t(`preference.${side}`)}>
          <h2>${t(`preference.${side}`)} <${Key} of=${side} /></h2><${Value} value=${answer} /></article>`)}
    </div>
    <div class="scale picks" role="radiogroup" aria-label=${t("preference.pick")}>
      ${steps.map((step, place) => html`<button type="button" role="radio" class="pick" aria-checked=${String(is(step))}
        onClick=${() => say(step)}><span>${nameOf(step, schema)}</span>
        ${place < 10 && html`<${Key} of=${`pick${place + 1}`} />`}</button>`)}
    </div>
    ${schema.ties !== false && html`<p class="quiet">${t("preference.tieKey")} <${Key} of="tie" /></p>`}</div>`;
}

function nameOf([side, strength], schema) {
  if (side === "tie") return t("preference.tie");
  return (schema.strengths ?? 1) === 1 ? t(`preference.${side}`) : t(`preference.${side}By`, { strength });
}

export default {
  showsContent: true,
  sendsAtOnce: true,
  begin: () => null,
  problem: (draft) => (draft === null ? ["preference.missing", {}] : null),
  label({ side, strength }, schema, seed) {
    if (side === "tie") return { prefer: "tie", strength: 0 };
    const seen = side === "left" ? "a" : "b";
    return { prefer: isSwapped(seed) ? other[seen] : seen, strength };
  },
  draft({ prefer, strength }, schema, seed) {
    if (prefer === "tie") return { side: "tie", strength: 0 };
    return { side: (isSwapped(seed) ? other[prefer] : prefer) === "a" ? "left" : "right", strength };
  },
  pieces: ({ prefer, strength }) => [prefer, ...(prefer === "tie" ? [] : [`${prefer} ${strength}`])],
  Editor,
  Shown: ({ schema, label, content }) => html`<div class="said"><p>${label.prefer === "tie" ? t("preference.tie")
    : t("preference.said", { side: label.prefer.toUpperCase(), strength: label.strength, most: schema.strengths ?? 1 })}</p>
    ${label.prefer !== "tie" && html`<${Value} value=${pairOf(content)[label.prefer]} />`}</div>`,
};
