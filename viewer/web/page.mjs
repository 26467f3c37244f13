// The page: what comes is drawn, what is wrong is said, and a line tells how it goes.

import { Camera, follow } from "./camera.mjs";
import { Face } from "./face.mjs";
import { Figures } from "./figures.mjs";
import { Sound } from "./sound.mjs";
import { Stream } from "./stream.mjs";

const FRAMES_KEPT = 120; // frames that wait for their sound: 2 s
const SILENT_MS = 1000; // without frames for so long, the page says so

const canvas = document.querySelector("canvas"), notice = document.querySelector("#notice");
const line = document.querySelector("#figures"), button = document.querySelector("button");

/** What there is to see; tests look at it too. */
const seen = { drawn: null, notice: "", frames: [], topology: null, refused: "", ended: false, lastMs: -Infinity };
globalThis.voxmesh = seen;

const handle = {
  topology(topology) {
    Object.assign(seen, { topology, refused: "", ended: false, frames: [], shown: false });
  },
  frame(frame) {
    Object.assign(seen, { lastMs: performance.now(), ended: false, refused: "", last: frame });
    seen.frames.push(frame);
    // Without sound only the newest frame is of interest; with it, those whose sound is not heard yet.
    if (!sound) seen.frames.splice(0, seen.frames.length - 1);
    else if (seen.frames.length > FRAMES_KEPT) seen.frames.shift();
  },
  audio(block) {
    seen.rate = block.rate;
    button.hidden = false;
    sound?.push(block);
  },
  bye({ session }) {
    if (session === seen.last?.session) seen.ended = true;
  },
  refused({ why }) {
    seen.refused = why;
  },
};

let sound = null, face = null;
const camera = new Camera(), figures = new Figures();
try {
  face = new Face(canvas);
} catch (error) {
  const why = `WebGL2 is missing or switched off (${error.message}): try another browser, or another machine.`;
  say("This browser cannot show the face", why);
}
if (face) {
  const stream = new Stream(handle);
  Object.assign(seen, { stream, camera });
  follow(canvas, camera);
  button.addEventListener("click", toggleSound);
  setInterval(() => tell(stream), 250);
  const redraw = () => {
    draw(stream);
    requestAnimationFrame(redraw);
  };
  redraw();
}

async function toggleSound() {
  if (sound) sound.close();
  sound = sound ? null : new Sound(seen.rate);
  seen.sound = sound;
  button.textContent = sound ? "Sound off" : "Sound on";
  await sound?.start();
}

/** The frame to draw now, if there is another than the last one: the newest, or the one whose sound is heard. */
function due() {
  const { frames, topology } = seen;
  if (!topology) return null;
  let wanted = frames.length - 1;
  if (sound?.going) {
    const heard = sound.heard();
    const past = (frame) => frame.session === heard?.session && frame.index <= heard.index;
    wanted = frames.findLastIndex(past);
  }
  const [frame] = frames.splice(0, wanted + 1).slice(-1);
  const fits = frame && frame.session === topology.session && frame.vertices.length === topology.template.length;
  return fits ? frame : null;
}

function draw(stream) {
  const { topology } = seen;
  if (topology && !seen.shown) {
    face.show(topology);
    if (topology.template.length) camera.frame(topology.template);
    Object.assign(seen, { shown: true });
  }
  const frame = due();
  if (frame) face.pose(frame.vertices);
  // Nothing new: the picture stays, and the battery is spared.
  face.resize();
  if (!frame && !camera.changed && !face.stale) return;
  camera.changed = false;
  face.draw(camera);
  if (!frame) return;
  figures.add(frame, performance.now(), stream.offsetMs);
  seen.drawn = { session: frame.session, index: frame.index };
}

/** Says what is wrong, if anything is, and how it goes. */
function tell(stream) {
  const { topology, last, ended, refused } = seen, from = stream.endpoint ?? "the publisher";
  const silent = performance.now() - seen.lastMs > SILENT_MS;
  if (stream.state === "refused")
    say("This address is not valid any more", "Open the one that voxmesh view --web printed last.");
  else if (stream.state === "lost") say("The server has gone", "Trying again: voxmesh view --web");
  else if (stream.state === "connecting") say("Connecting", "");
  else if (refused) say("This cannot be shown", refused);
  else if (!topology) say(`Waiting for ${from}`, "Start a publisher there: voxmesh live");
  else if (ended) say("The publisher has stopped", `Waiting for ${from}`);
  else if (!silent && last.weights.length && !last.vertices.length)
    say("Only blendshape weights come", "They need the publisher's own rig: have it send vertices (--send both).");
  else if (silent) say("No frames are coming", `Waiting for ${from}`);
  else say("", "");
  line.textContent = silent ? "" : figures.line(performance.now(), stream);
}

function say(title, more) {
  if (seen.notice === `${title} ${more}`) return;
  seen.notice = `${title} ${more}`;
  notice.hidden = !title;
  notice.querySelector("h1").textContent = title;
  notice.querySelector("p").textContent = more;
}
