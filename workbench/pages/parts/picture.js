// A picture with something drawn over it in its own pixels: those the browser shows, EXIF turn applied, whatever the size
// on the screen. Zoom by keys, buttons or Ctrl and the wheel; pan by keys or by dragging with the middle button.
import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { KeyButton, useKeys } from "./keys.js";
import { t } from "./strings.js";

const ZOOM_MAX = 40;
const ZOOM_STEP = 1.3;
const PAN_PIXELS = 60;

export function Picture({ source, draw, pointer, label, size, onSize, children }) {
  const [problem, setProblem] = useState(false);
  const [frame, setFrame] = useState({ width: 0, height: 0 });
  const [view, setView] = useState({ zoom: 1, x: 0, y: 0 });
  const outside = useRef(null);
  const stage = useRef(null);
  const pan = useRef(null);
  useLayoutEffect(() => {
    const measured = new ResizeObserver(([{ contentRect: { width, height } }]) => setFrame({ width, height }));
    measured.observe(outside.current);
    return () => measured.disconnect();
  }, []);
  const fit = size && frame.width ? Math.min(frame.width / size.width, frame.height / size.height) : 0;
  const scale = fit * view.zoom;
  // Never further than the picture's own edge.
  const held = (zoom, x, y) => {
    const room = (shown, whole) => Math.max(0, (whole - shown) / 2);
    const width = (size?.width ?? 0) * fit * zoom;
    const height = (size?.height ?? 0) * fit * zoom;
    const limit = (value, most) => Math.min(most, Math.max(-most, value));
    return { zoom, x: limit(x, room(frame.width, width)), y: limit(y, room(frame.height, height)) };
  };
  const zoomBy = (factor, at = { x: 0, y: 0 }) => setView(({ zoom, x, y }) => {
    const next = Math.min(ZOOM_MAX, Math.max(1, zoom * factor));
    const grown = next / zoom;
    return held(next, at.x - (at.x - x) * grown, at.y - (at.y - y) * grown);
  });
  const panBy = (x, y) => setView((now) => held(now.zoom, now.x + x, now.y + y));
  useKeys({
    zoomIn: () => zoomBy(ZOOM_STEP), zoomOut: () => zoomBy(1 / ZOOM_STEP), fit: () => setView({ zoom: 1, x: 0, y: 0 }),
    panLeft: () => panBy(PAN_PIXELS, 0), panRight: () => panBy(-PAN_PIXELS, 0),
    panUp: () => panBy(0, PAN_PIXELS), panDown: () => panBy(0, -PAN_PIXELS),
  });
  useEffect(() => {
    const wheel = (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = outside.current.getBoundingClientRect();
      const at = { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
      zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, at);
    };
    outside.current.addEventListener("wheel", wheel, { passive: false });
    return () => outside.current?.removeEventListener("wheel", wheel);
  });
  const place = (event) => {
    const box = stage.current.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * size.width, (event.clientY - box.top) / box.height * size.height];
  };
  const down = (event) => {
    if (!size) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    if (event.button === 1) {
      pan.current = { x: event.clientX, y: event.clientY };
      event.preventDefault();
    } else if (event.button === 0) pointer?.down(place(event), event, scale);
  };
  const move = (event) => {
    if (pan.current) {
      panBy(event.clientX - pan.current.x, event.clientY - pan.current.y);
      pan.current = { x: event.clientX, y: event.clientY };
    } else if (size) pointer?.move(place(event), event, scale);
  };
  const up = (event) => {
    if (pan.current) pan.current = null;
    else if (size) pointer?.up(place(event), event, scale);
  };
  const style = {
    width: `${(size?.width ?? 0) * scale}px`, height: `${(size?.height ?? 0) * scale}px`,
    left: `${frame.width / 2 - (size?.width ?? 0) * scale / 2 + view.x}px`,
    top: `${frame.height / 2 - (size?.height ?? 0) * scale / 2 + view.y}px`,
  };
  return html`<div class="picture">
    <div ref=${outside} class="frame" tabindex="0" role="application" aria-label=${label}
      onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${() => { pan.current = null; pointer?.cancel(); }}>
      <div ref=${stage} class="stage" style=${style}>
        <img src=${source} alt=${t("unit.picture")} draggable=${false} onError=${() => setProblem(true)}
          onLoad=${({ target }) => onSize({ width: target.naturalWidth, height: target.naturalHeight })} />
        ${size && scale > 0 && html`<svg viewBox=${`0 0 ${size.width} ${size.height}`} aria-hidden="true">${draw(1 / scale)}</svg>`}
      </div>
      ${problem && html`<p class="problem" role="alert">${t("picture.broken")}</p>`}</div>
    <div class="tools">${children}
      <${KeyButton} kind="small" of="zoomOut" onClick=${() => zoomBy(1 / ZOOM_STEP)} />
      <${KeyButton} kind="small" of="zoomIn" onClick=${() => zoomBy(ZOOM_STEP)} />
      <${KeyButton} kind="small" of="fit" onClick=${() => setView({ zoom: 1, x: 0, y: 0 })} /></div></div>`;
}
