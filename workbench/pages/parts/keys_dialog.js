// Every key and what it does; each can be changed by pressing another.
import { html, useState, useStore } from "./html.js";
import { Dialog } from "./dialog.js";
import { bindings, nameOf, rebind, resetKeys, shownKey } from "./keys.js";
import { t } from "./strings.js";

const PARTS = new Set(["Shift", "Control", "Alt", "Meta", "CapsLock", "AltGraph", "Dead"]);
const GROUPS = {
  unit: ["submit", "back", "undo", "redo", "skip", "flag", "guideline", "pause", "help", "find", "nextField", "previousField",
    "unanswerable", "unclear", "referSame", "referOthers"],
  pick: Array.from({ length: 10 }, (_, place) => `pick${place + 1}`).concat("tie"),
  regions: ["add", "next", "previous", "remove", "cancel", "point", "insert", "left", "right", "up", "down", "farLeft", "farRight",
    "farUp", "farDown", "narrower", "wider", "shorter", "taller"],
  objects: ["takeObject", "dropObject", "redrawObject", "nextObject", "previousObject"],
  picture: ["zoomIn", "zoomOut", "fit", "panLeft", "panRight", "panUp", "panDown"],
};

export function KeysDialog({ close }) {
  const { keys } = useStore(bindings);
  const [waiting, wait] = useState(null);
  const pressed = (event) => {
    if (!waiting || PARTS.has(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key !== "Tab") rebind(waiting, nameOf(event));
    wait(null);
  };
  return html`<${Dialog} title=${t("keys.title")} close=${close} wide>
    <p class="quiet">${t("keys.how")}</p>
    <div class="keys" onKeyDown=${pressed}>
      ${Object.entries(GROUPS).map(([group, actions]) => html`<section aria-label=${t(`keys.${group}`)}>
        <h3>${t(`keys.${group}`)}</h3>
        <ul>${actions.map((action) => html`<li key=${action}><span>${action.startsWith("pick")
          ? t("key.pick", { place: Number(action.slice(4)) }) : t(`key.${action}`)}</span>
          <button type="button" class="rebind" aria-pressed=${String(waiting === action)}
            aria-label=${t("keys.change", { action: action.startsWith("pick") ? t("key.pick", { place: Number(action.slice(4)) }) : t(`key.${action}`) })}
            onClick=${() => wait(action)}><kbd>${waiting === action ? t("keys.press") : shownKey(keys[action])}</kbd></button></li>`)}</ul>
      </section>`)}
    </div>
    <p><button type="button" class="button" onClick=${resetKeys}>${t("keys.reset")}</button></p><//>`;
}
