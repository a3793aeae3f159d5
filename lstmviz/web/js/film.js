/** A film of a run, step by step: a slide's canvas, recorded by the browser as it is drawn. */

import { HIGH, WIDE } from "./slide.js";

const TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"]; // the first that the browser writes
const BITS = 12e6; // a second: words stay sharp
const TAKEN = 400; // milliseconds in which the recorder has surely taken a frame
const LAST = 1000; // milliseconds that the last step is shown

/** What the browser can record a canvas as; "" where it can not. */
export function filmType() {
  if (typeof MediaRecorder === "undefined" || !HTMLCanvasElement.prototype.captureStream) return "";
  return TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? "";
}

const pause = (/** @type {number} */ milliseconds) => new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));

/**
 * Records steps until the last one, or until it is stopped.
 *
 * @param {number} steps
 * @param {number} speed steps a second; slower where drawing one takes longer
 * @param {(t: number, canvas: HTMLCanvasElement) => Promise<void>} draw
 * @param {() => boolean} isStopped
 * @returns {Promise<Blob>}
 */
export async function record(steps, speed, draw, isStopped) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDE, HIGH];
  await draw(0, canvas);
  const stream = canvas.captureStream(0); // a frame is taken where one is asked for
  const [track] = /** @type {CanvasCaptureMediaStreamTrack[]} */ (stream.getVideoTracks());
  // Some browsers have it on the stream.
  const take = () => ("requestFrame" in track ? track : /** @type {any} */ (stream)).requestFrame();
  const recorder = new MediaRecorder(stream, { mimeType: filmType(), videoBitsPerSecond: BITS });
  /** @type {Blob[]} */
  const parts = [];
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  const ended = new Promise((resolve) => recorder.addEventListener("stop", resolve));
  recorder.start();
  let t = 0;
  for (; t < steps && !isStopped(); t++) {
    const began = performance.now();
    await draw(t, canvas);
    take();
    await pause(1000 / speed - (performance.now() - began));
  }
  await pause(isStopped() ? 0 : LAST);
  await draw(Math.max(0, t - 1), canvas); // the last one again, at its end: a film is as long as its frames say
  take();
  await pause(TAKEN);
  recorder.stop();
  await ended;
  track.stop();
  return new Blob(parts, { type: recorder.mimeType.split(";")[0] });
}
