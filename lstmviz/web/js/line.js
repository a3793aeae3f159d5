/** A connection to the server's rooms, which comes back by itself. */

const QUIET = 40_000; // milliseconds without a word, after which the server is taken for gone: it says something every 15 seconds
const [SOON, LATE] = [400, 15_000]; // milliseconds until it is asked again, at first and at last
const SLOWER = 20_000; // where it said so

export class Line {
  /**
   * @param {() => Record<string, any>} greet what is said first, each time
   * @param {(message: Record<string, any>) => void} hear what is heard; also `{is: "lost"}` where the connection is
   */
  constructor(greet, hear) {
    this.greet = greet;
    this.hear = hear;
    this.failures = 0;
    this.isClosed = false;
    this.timer = 0; // until the next try, or until the server is taken for gone
    this.onBack = () => document.visibilityState === "visible" && !this.isOpen && this.connect();
    addEventListener("online", this.onBack);
    document.addEventListener("visibilitychange", this.onBack);
    this.connect();
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN || this.socket?.readyState === WebSocket.CONNECTING;
  }

  connect() {
    if (this.isClosed) return;
    const address = new URL("../rooms", import.meta.url);
    address.protocol = address.protocol.replace("http", "ws");
    this.drop();
    const socket = (this.socket = new WebSocket(address));
    this.wait(QUIET, () => this.lose(socket));
    socket.addEventListener("open", () => socket.send(JSON.stringify(this.greet())));
    socket.addEventListener("message", ({ data }) => this.take(socket, data));
    socket.addEventListener("close", () => this.lose(socket));
  }

  /** @param {WebSocket} socket @param {string} data */
  take(socket, data) {
    if (socket !== this.socket) return;
    this.wait(QUIET, () => this.lose(socket));
    const message = JSON.parse(data);
    if (message.is === "refused" && message.why === "slower") this.pause = SLOWER;
    else if (message.is !== "lost") this.failures = 0;
    if (message.is !== "beat") this.hear(message);
  }

  /** Asks again after a while: longer each time, and not all pages of a room at one moment. @param {WebSocket} socket */
  lose(socket) {
    if (socket !== this.socket || this.isClosed) return;
    this.drop();
    this.hear({ is: "lost" });
    const wait = this.pause || Math.min(LATE, SOON * 2 ** this.failures++);
    this.pause = 0;
    this.wait(wait * (0.5 + Math.random() / 2), () => this.connect());
  }

  /** @param {number} milliseconds @param {() => void} act */
  wait(milliseconds, act) {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(act, milliseconds);
  }

  drop() {
    const { socket } = this;
    this.socket = undefined;
    socket?.close();
  }

  /** Says something, where somebody hears it. @param {Record<string, any>} message @returns {boolean} */
  say(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.onBack);
    document.removeEventListener("visibilitychange", this.onBack);
    this.drop();
  }
}
