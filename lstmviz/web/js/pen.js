/**
 * Pens beside the canvas's own: one that writes what the panels draw as SVG, so that words stay words and lines stay lines; and what
 * draws an SVG of the page's onto a canvas, with the page's own fonts.
 */

const SVG = "http://www.w3.org/2000/svg";
const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "font-size", "font-weight", "font-family", "text-anchor"];

/** @param {string} text */
const escape = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

/** @param {number} number */
const short = (number) => String(Math.round(number * 100) / 100);

/** Takes what the panels draw with, and nothing else of a canvas's pen. */
export class SvgPen {
  /** @param {CanvasRenderingContext2D} ruler measures words */
  constructor(ruler) {
    this.ruler = ruler;
    /** @type {string[]} */
    this.parts = [];
    this.path = "";
    this.fillStyle = this.strokeStyle = "#000000";
    this.lineWidth = this.globalAlpha = 1;
    this.font = "10px sans-serif";
    this.textBaseline = this.textAlign = "";
    this.imageSmoothingEnabled = false;
  }

  setTransform() {} // what is drawn is measured in the page's own pixels

  clearRect() {
    this.parts = [];
  }

  /** @param {string} text */
  measureText(text) {
    this.ruler.font = this.font;
    return this.ruler.measureText(text);
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height @param {string} look */
  box(x, y, width, height, look) {
    const [left, top] = [Math.min(x, x + width), Math.min(y, y + height)];
    this.parts.push(`<rect x="${short(left)}" y="${short(top)}" width="${short(Math.abs(width))}" height="${short(Math.abs(height))}" ${look}/>`);
  }

  get fillLook() {
    return `fill="${escape(String(this.fillStyle))}"${this.globalAlpha < 1 ? ` fill-opacity="${this.globalAlpha}"` : ""}`;
  }

  get strokeLook() {
    const alpha = this.globalAlpha < 1 ? ` stroke-opacity="${this.globalAlpha}"` : "";
    return `fill="none" stroke="${escape(String(this.strokeStyle))}" stroke-width="${short(this.lineWidth)}"${alpha}`;
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  fillRect(x, y, width, height) {
    this.box(x, y, width, height, this.fillLook);
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  strokeRect(x, y, width, height) {
    this.box(x, y, width, height, this.strokeLook);
  }

  /** @param {string} text @param {number} x @param {number} y its middle */
  fillText(text, x, y) {
    const [, weight, size, family] = /** @type {string[]} */ (this.font.match(/^(\d+ )?([\d.]+)px (.*)$/) ?? ["", "", "10", "sans-serif"]);
    const drop = Number(size) * 0.35; // from the middle of words to their line, as no viewer of SVG but browsers knows it
    const long = short(this.measureText(text).width); // a font that stands in for this one is as wide
    const bold = weight ? ` font-weight="${weight.trim()}"` : "";
    this.parts.push(`<text x="${short(x)}" y="${short(y + drop)}" font-size="${short(Number(size))}"${bold} font-family="${escape(family)}" textLength="${long}" lengthAdjust="spacingAndGlyphs" xml:space="preserve" ${this.fillLook}>${escape(text)}</text>`);
  }

  beginPath() {
    this.path = "";
  }

  /** @param {number} x @param {number} y */
  moveTo(x, y) {
    this.path += `M${short(x)},${short(y)}`;
  }

  /** @param {number} x @param {number} y */
  lineTo(x, y) {
    this.path += `${this.path ? "L" : "M"}${short(x)},${short(y)}`; // as a canvas does
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  rect(x, y, width, height) {
    this.path += `M${short(x)},${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;
  }

  fill() {
    if (this.path) this.parts.push(`<path d="${this.path}" ${this.fillLook}/>`);
  }

  stroke() {
    if (this.path) this.parts.push(`<path d="${this.path}" ${this.strokeLook}/>`);
  }

  /** A raster, or a part of one, each of its points a square. @param {OffscreenCanvas} image @param {number[]} places */
  drawImage(image, ...places) {
    const [x, y, width, height] = places.slice(-4);
    const [left, top, wide, high] = places.length > 4 ? places : [0, 0, image.width, image.height];
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.max(1, Math.round(wide)), Math.max(1, Math.round(high))];
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.imageSmoothingEnabled = false;
    pen.drawImage(image, left, top, wide, high, 0, 0, canvas.width, canvas.height);
    const place = `x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"`;
    this.parts.push(`<image ${place} preserveAspectRatio="none" style="image-rendering: pixelated" href="${canvas.toDataURL()}"/>`);
  }

  toString() {
    return this.parts.join("\n");
  }
}

/** An SVG of the page's as it looks there, without the page's styles. @param {SVGSVGElement} svg */
export function writeSvg(svg) {
  const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  const [from, to] = [[...svg.querySelectorAll("*")], [...copy.querySelectorAll("*")]];
  for (const [place, each] of to.entries()) {
    const look = getComputedStyle(from[place]);
    for (const name of ["class", "tabindex", "role", "aria-label"]) each.removeAttribute(name);
    if (/^(rect|path|text|tspan)$/.test(each.tagName)) for (const name of KEPT) each.setAttribute(name, look.getPropertyValue(name));
  }
  return [...copy.children].map((each) => new XMLSerializer().serializeToString(each)).join("\n");
}

/**
 * Draws an SVG of the page's: its rectangles, lines and words, which is all that it has.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {SVGSVGElement} svg
 */
export function paintSvg(pen, svg) {
  for (const each of svg.querySelectorAll("rect, path, text")) {
    const look = getComputedStyle(each);
    if (each.tagName === "text") paintText(pen, /** @type {SVGTextElement} */ (each), look);
    else paintShape(pen, each, look);
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Element} shape @param {CSSStyleDeclaration} look */
function paintShape(pen, shape, look) {
  const number = (/** @type {string} */ name) => Number(shape.getAttribute(name) ?? 0);
  const line = new Path2D(shape.getAttribute("d") ?? "");
  if (shape.tagName === "rect") line.roundRect(number("x"), number("y"), number("width"), number("height"), number("rx"));
  if (look.fill !== "none") {
    pen.globalAlpha = Number(look.fillOpacity);
    pen.fillStyle = look.fill;
    pen.fill(line);
  }
  const thick = parseFloat(look.strokeWidth);
  if (look.stroke !== "none" && thick) {
    pen.globalAlpha = Number(look.strokeOpacity);
    pen.strokeStyle = look.stroke;
    pen.lineWidth = thick;
    pen.stroke(line);
  }
  pen.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} pen @param {SVGTextElement} text @param {CSSStyleDeclaration} look */
function paintText(pen, text, look) {
  const parts = text.children.length ? /** @type {Element[]} */ ([...text.children]) : [text];
  const fonts = parts.map((part) => {
    const { fontWeight, fontSize, fontFamily } = getComputedStyle(part);
    return `${fontWeight} ${fontSize} ${fontFamily}`;
  });
  const widths = parts.map((part, place) => {
    pen.font = fonts[place];
    return pen.measureText(part.textContent ?? "").width;
  });
  const total = widths.reduce((sum, width) => sum + width, 0);
  let x = Number(text.getAttribute("x")) - (look.textAnchor === "middle" ? total / 2 : 0);
  let y = Number(text.getAttribute("y"));
  pen.textBaseline = "alphabetic";
  pen.textAlign = "left";
  pen.fillStyle = look.fill;
  for (const [place, part] of parts.entries()) {
    if (part !== text) y += Number(part.getAttribute("dy") ?? 0);
    pen.font = fonts[place];
    pen.fillText(part.textContent ?? "", x, y);
    x += widths[place];
  }
}

/** @param {string} content @param {number} width @param {number} height */
export const wrapSvg = (content, width, height) =>
  `<svg xmlns="${SVG}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">\n${content}\n</svg>\n`;
