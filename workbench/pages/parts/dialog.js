// A window over the page, which keeps the focus and gives it back; Escape closes it.
import { html, useLayoutEffect, useRef } from "./html.js";
import { t } from "./strings.js";

let count = 0;

export function Dialog({ title, close, children, wide = false }) {
  const place = useRef(null);
  const name = useRef(`dialog-${count += 1}`);
  // With the change of the page and not after it is painted: until it is open, keys are the page's.
  useLayoutEffect(() => {
    place.current.showModal();
    return () => place.current?.close();
  }, []);
  return html`<dialog ref=${place} class=${wide ? "wide" : ""} aria-labelledby=${name.current}
    onCancel=${(event) => {
      event.preventDefault();
      close();
    }}>
    <header><h2 id=${name.current}>${title}</h2>
      <button type="button" class="icon" aria-label=${t("close")} onClick=${close}>×</button></header>
    <div class="body">${children}</div></dialog>`;
}
