// Frame rate, delay and losses over the last second, as one line.

const SPAN_MS = 1000;

export class Figures {
  constructor() {
    this.drawn = []; // {atMs, delayMs}
    this.missed = 0;
    this.last = null;
  }

  /** A frame that is drawn now. offsetMs: from this page's clock to the publisher's, null when unknown. */
  add(frame, nowMs, offsetMs) {
    const delayMs = offsetMs === null || frame.publishedMs === null ? null : nowMs + offsetMs - frame.publishedMs;
    this.drawn.push({ atMs: nowMs, delayMs });
    // A new session, or an index that goes back, is a publisher that started again, not a gap.
    const { last } = this;
    if (last && last.session === frame.session && frame.index > last.index) this.missed += frame.index - last.index - 1;
    this.last = { session: frame.session, index: frame.index };
  }

  /** For example `60 fps   12 ms from published to drawn   3 not drawn`. stream: where frames come from. */
  line(nowMs, stream) {
    while (this.drawn.length && this.drawn[0].atMs < nowMs - SPAN_MS) this.drawn.shift();
    const { drawn } = this, count = drawn.length - 1;
    if (count < 1) return "";
    const gaps = drawn.slice(1).map((one, i) => one.atMs - drawn[i].atMs);
    const fps = (1000 * count) / (drawn[count].atMs - drawn[0].atMs);
    const parts = [`${fps.toFixed(0)} fps`];
    const delays = drawn.map((one) => one.delayMs).filter((ms) => ms !== null && ms > -5 && ms < 60000);
    if (delays.length) parts.push(`${Math.max(0, median(delays)).toFixed(0)} ms from published to drawn`);
    else parts.push(`longest gap ${Math.max(...gaps).toFixed(0)} ms`);
    parts.push(`${this.missed} not drawn`);
    if (stream.endpoint && !stream.sameClock) parts.push("no latency: the publisher's clock is another machine's");
    return parts.join("   ");
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
