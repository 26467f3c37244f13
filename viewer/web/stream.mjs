// The connection to `voxmesh view --web`: opens it, opens it again, reads messages, and compares clocks.

import { WireError, parse } from "./wire.mjs";

const RETRY_MS = 1000, CLOCK_EVERY_MS = 2000, CLOCKS_KEPT = 10;

/**
 * handle: {topology, frame, audio, bye: called with such a message; refused: with why one could not be read}.
 * state: "connecting", "open", "lost" (the server does not answer) or "refused" (it does, but not to this address).
 */
export class Stream {
  constructor(handle) {
    this.handle = handle;
    this.state = "connecting";
    this.endpoint = null;
    this.sameClock = false;
    this.clocks = []; // {offsetMs, roundMs}
    this.open();
    setInterval(() => this.askClock(), CLOCK_EVERY_MS);
  }

  /** What to add to performance.now() for the publisher's clock; null when that is not known, or not to be known. */
  get offsetMs() {
    if (!this.sameClock || !this.clocks.length) return null;
    // The quickest answer was delayed least, and so tells the time best.
    return this.clocks.reduce((best, one) => (one.roundMs < best.roundMs ? one : best)).offsetMs;
  }

  open() {
    const token = encodeURIComponent(location.hash.slice(1)), scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/stream?token=${token}`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.state = "open";
      this.clocks = [];
      this.askClock();
    };
    this.socket.onmessage = ({ data }) => (typeof data === "string" ? this.told(JSON.parse(data)) : this.read(data));
    this.socket.onclose = async () => {
      // A browser does not say why a WebSocket did not open: a wrong token looks like a server that is not there.
      const there = () => fetch("/", { cache: "no-store" }).then((answer) => answer.ok, () => false);
      this.state = this.state !== "open" && (await there()) ? "refused" : "lost";
      setTimeout(() => this.open(), RETRY_MS);
    };
  }

  read(data) {
    let message;
    try {
      message = parse(data);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      message = { kind: "refused", why: error.message };
    }
    // The server sends no third frame before it hears that one of two was taken: nothing piles up on a slow way.
    if (new Uint8Array(data, 4, 1)[0] === 0x46) this.socket.send("taken");
    this.handle[message.kind](message);
  }

  told(about) {
    if ("clock_ms" in about) {
      const now = performance.now();
      this.clocks.push({ offsetMs: about.clock_ms - (this.asked + now) / 2, roundMs: now - this.asked });
      if (this.clocks.length > CLOCKS_KEPT) this.clocks.shift();
    } else {
      this.endpoint = about.endpoint;
      this.sameClock = about.same_clock;
    }
  }

  askClock() {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.asked = performance.now();
    this.socket.send("clock");
  }
}
