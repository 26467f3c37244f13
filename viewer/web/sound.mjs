// The sound that frames depict, played without gaps, and which frame's sound is heard now.

const LEAD_S = 0.12; // what is kept ahead of the loudspeaker, for a network that is not even
const FURTHEST_S = 0.5; // further ahead than that, clocks have drifted or the page has slept: begin anew

/** Make it, and call `start`, within a click: browsers let nothing sound before. */
export class Sound {
  /** rate: Hz, of the messages that will come. */
  constructor(rate) {
    // At the messages' own rate the blocks join exactly: nothing is resampled before they are one stream.
    this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    this.blocks = []; // {index, session, at}: scheduled and not yet past, in order
    this.anchor = null; // {session, sample, at}: that sample sounds at that time of the context
    this.playing = new Set();
  }

  start() {
    return this.context.resume();
  }

  /** Schedules one audio message. */
  push({ session, index, sample, rate, samples }) {
    if (this.context.state !== "running" || !samples.length) return;
    const now = this.context.currentTime;
    let at = this.anchor && this.anchor.at + (sample - this.anchor.sample) / rate;
    if (!this.anchor || this.anchor.session !== session || at < now || at > now + FURTHEST_S) {
      at = now + LEAD_S;
      this.silence();
      this.anchor = { session, sample, at };
    }
    const buffer = this.context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    source.onended = () => this.playing.delete(source);
    source.start(at);
    this.playing.add(source);
    this.blocks.push({ session, index, at });
  }

  /** {session, index} of the frame whose sound leaves the loudspeaker now; null when none does. */
  heard() {
    const now = this.context.currentTime - (this.context.outputLatency || this.context.baseLatency || 0);
    while (this.blocks.length > 1 && this.blocks[1].at <= now) this.blocks.shift();
    const block = this.blocks[0];
    return block && block.at <= now && now < block.at + FURTHEST_S ? block : null;
  }

  /** Whether sound is on its way to the loudspeaker or came from it just now. */
  get going() {
    const last = this.blocks[this.blocks.length - 1];
    return Boolean(last && this.context.currentTime < last.at + FURTHEST_S);
  }

  silence() {
    this.playing.forEach((source) => source.stop());
    this.playing.clear();
    this.blocks = [];
  }

  close() {
    this.silence();
    return this.context.close();
  }
}
