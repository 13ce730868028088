// A list of names to pick from, by mouse, touch or key: the first ten have keys of their own, more are found by typing.
import { html, useEffect, useRef, useState } from "../parts/html.js";
import { Key, useKeys } from "../parts/keys.js";
import { t } from "../parts/strings.js";

const KEYS = 10;
const SEARCHED_FROM = 13;
export const COLOURS = 8;

export const colourOf = (name, names) => `class-${names.indexOf(name) % COLOURS}`;

export function Picker({ names, picked, pick, multiple = false, coloured = false, label, shownAs = (name) => name, beyond = null }) {
  const [sought, seek] = useState("");
  const field = useRef(null);
  const many = (beyond ?? names).length >= SEARCHED_FROM;
  const words = sought.trim().toLocaleLowerCase();
  const found = words ? (beyond ?? names).filter((name) => String(shownAs(name)).toLocaleLowerCase().includes(words)) : names;
  const keyed = found.slice(0, KEYS);
  const choose = (name) => {
    pick(name);
    if (sought) {
      seek("");
      field.current?.blur();
    }
  };
  useKeys({
    ...Object.fromEntries(keyed.map((name, place) => [`pick${place + 1}`, () => choose(name)])),
    ...(many ? { find: () => field.current?.focus() } : {}),
  });
  const searching = (event) => {
    if (event.key === "Enter" && found.length) {
      event.preventDefault();
      event.stopPropagation();
      choose(found[0]);
    } else if (event.key === "Escape") {
      seek("");
      event.target.blur();
    }
  };
  return html`<div class="picker">
    ${many && html`<label class="search"><span class="unseen">${t("pick.search", { count: names.length })}</span>
      <input ref=${field} type="search" dir="auto" value=${sought} onInput=${(event) => seek(event.target.value)}
        placeholder=${t("pick.search", { count: names.length })} onKeyDown=${searching} /><${Key} of="find" /></label>`}
    <div class=${`picks ${many ? "many" : ""}`} role=${multiple ? "group" : "radiogroup"} aria-label=${label}
      tabindex=${many ? 0 : undefined}>
      ${found.map((name, place) => html`<button type="button" key=${name} role=${multiple ? "checkbox" : "radio"}
        class=${`pick ${coloured ? colourOf(name, names) : ""}`} aria-checked=${String(picked.has(name))}
        onClick=${() => choose(name)}><span dir="auto">${shownAs(name)}</span>
        ${place < KEYS && html`<${Key} of=${`pick${place + 1}`} />`}</button>`)}
      ${!found.length && html`<p class="quiet">${t("pick.none")}</p>`}
    </div></div>`;
}

// Keep a chosen thing in view where a list scrolls.
export function useInView(chosen) {
  const place = useRef(null);
  useEffect(() => place.current?.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" }), [chosen]);
  return place;
}
