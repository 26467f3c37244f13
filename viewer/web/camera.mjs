// Where the camera stands: in front of the face at first (viewer/camera.py), then wherever a mouse or fingers take it.

import { along, cross, looking, multiply, perspective } from "./matrix.mjs";

const SLOPE = Math.tan((13 / 2) * (Math.PI / 180)); // a long portrait lens: wider makes the eyes and nose swell
const ASPECT = 0.87; // width over height of the picture that the framing is made for
const MARGIN = 1.3; // of a head's width: what a narrow picture shows at least
const MOST_PITCH = 1.4, NEAREST = 0.15, FURTHEST = 4;

/** An orbit about a point. `changed` is true whenever the picture has to be drawn again; who draws sets it to false. */
export class Camera {
  constructor() {
    this.changed = true;
    this.framing = { middle: [0, 0, 0], low: -0.15, top: 0.15, bottom: -0.15, width: 0.2 };
    this.reset();
  }

  reset() {
    Object.assign(this, { yaw: 0, pitch: 0, zoom: 1, shift: [0, 0, 0], changed: true });
  }

  /** Frames the head of a mesh: (V, 3) at rest, metres. Shoulders may run out of the picture. */
  frame(template) {
    const [low, high] = bounds(template, -Infinity);
    let nose = 0;
    for (let i = 2; i < template.length; i += 3) if (template[i] > template[nose + 2]) nose = i - 2;
    const height = high[1] - low[1];
    // Eyes sit at half a head's height and the nose a little below: its tip says where the head ends.
    const head = Math.min((high[1] - template[nose + 1]) / 0.62, height);
    const [headLow, headHigh] = bounds(template, high[1] - head);
    const top = high[1] + 0.07 * head, floor = low[1] + 0.02 * height;
    const bottom = Math.min(Math.max(floor, high[1] - 1.25 * head), top - 1.15 * (headHigh[0] - headLow[0]));
    const middle = headLow.map((value, axis) => (value + headHigh[axis]) / 2);
    this.framing = { middle, low: floor, top, bottom, width: headHigh[0] - headLow[0] };
    this.changed = true;
  }

  /** For a picture of that width over height: {matrix, eye}. */
  place(aspect) {
    const { middle, low, top, bottom, width } = this.framing;
    const extent = top - bottom;
    const height = aspect < ASPECT ? Math.max(extent, (MARGIN * width) / aspect) : extent;
    // A tall picture shows more of the shoulders, but never where the mesh ends, and the rest above the head.
    const base = height > extent ? Math.max(Math.min(low, bottom), bottom - (height - extent) / 2) : bottom;
    const target = along([middle[0], base + height / 2, middle[2]], this.shift, 1);
    const distance = (height * this.zoom) / 2 / SLOPE;
    const backward = this.backward();
    const eye = along(target, backward, distance);
    const lens = perspective(SLOPE, aspect, Math.max(0.02, distance - 1), distance + 1);
    this.metresPerHeight = height * this.zoom;
    return { matrix: multiply(lens, looking(eye, backward)), eye };
  }

  backward() {
    const { yaw, pitch } = this;
    return [Math.sin(yaw) * Math.cos(pitch), Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)];
  }

  /** right, down: of the picture's height. */
  turn(right, down) {
    this.yaw -= 3 * right;
    this.pitch = Math.min(Math.max(this.pitch + 3 * down, -MOST_PITCH), MOST_PITCH);
    this.changed = true;
  }

  pan(right, down) {
    const backward = this.backward(), side = [Math.cos(this.yaw), 0, -Math.sin(this.yaw)];
    const shift = along(this.shift, side, -right * this.metresPerHeight);
    const up = cross(backward, side), moved = along(shift, up, down * this.metresPerHeight);
    this.shift = moved.map((value) => Math.min(Math.max(value, -0.3), 0.3));
    this.changed = true;
  }

  magnify(times) {
    this.zoom = Math.min(Math.max(this.zoom / times, NEAREST), FURTHEST);
    this.changed = true;
  }
}

/** One finger or button turns, two fingers pinch and move, a wheel magnifies, a double click goes back to the front. */
export function follow(element, camera) {
  const fingers = new Map();
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  const lift = (event) => fingers.delete(event.pointerId);
  element.addEventListener("pointerup", lift);
  element.addEventListener("pointercancel", lift);
  element.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId), now = [event.clientX, event.clientY];
    if (!before) return;
    const height = element.clientHeight, right = (now[0] - before[0]) / height, down = (now[1] - before[1]) / height;
    fingers.set(event.pointerId, now);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return event.shiftKey || event.buttons & 6 ? camera.pan(right, down) : camera.turn(right, down);
    const apart = (at) => Math.max(Math.hypot(at[0] - other[0], at[1] - other[1]), 1);
    camera.magnify(apart(now) / apart(before));
    camera.pan(right / 2, down / 2); // the other finger moves the other half
  });
  const wheel = (event) => {
    event.preventDefault();
    camera.magnify(Math.exp(-event.deltaY / 600));
  };
  element.addEventListener("wheel", wheel, { passive: false });
  element.addEventListener("contextmenu", (event) => event.preventDefault());
  element.addEventListener("dblclick", () => camera.reset());
}

/** Lowest and highest x, y, z among the vertices above a height. */
export function bounds(vertices, above) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < vertices.length; i += 3) {
    if (vertices[i + 1] < above) continue;
    for (let axis = 0; axis < 3; axis++) {
      low[axis] = Math.min(low[axis], vertices[i + axis]);
      high[axis] = Math.max(high[axis], vertices[i + axis]);
    }
  }
  return [low, high];
}
