// The wire, version 1 (stream/PROTOCOL.md): the bytes of one message -> an object. Knows nothing of pages and pictures.

/** A message that is not ours, is of another version, or is damaged. */
export class WireError extends Error {}

const HEADER_BYTES = 88;
const MAX_VERTICES = 1 << 20, MAX_SAMPLES = 1 << 20, MAX_WEIGHTS = 4096;
const LARGEST = 1e30; // a scale or an offset: what is made of them is finite in float32
const SIZES = { 1: 4, 2: 2, 3: 2 };
const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
const SURFACE = {
  template: ["float32", 3],
  faces: ["int32", 3],
  albedo: ["uint8", 3],
  occlusion: ["uint8", 3],
  gloss: ["uint8", 0],
};
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The message in an ArrayBuffer. Times are milliseconds of the publisher's monotonic clock, null when unknown.
 * Numbers come as typed arrays, (V, 3) row by row; some are views of the buffer. Throws WireError.
 */
export function parse(buffer) {
  const bytes = new Uint8Array(buffer), view = new DataView(buffer);
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  if (magic.slice(0, 3) !== "VXM" || bytes.length < HEADER_BYTES)
    throw new WireError(`not a voxmesh message: ${bytes.length} bytes`);
  if (magic !== "VXM1")
    throw new WireError(`the publisher speaks wire version ${magic[3]}, this page 1: update voxmesh`);
  const kind = String.fromCharCode(bytes[4]);
  if (bytes[21]) throw new WireError(`message with flags ${bytes[21]}: update voxmesh`);
  const head = {
    session: sessionName(bytes.subarray(5, 21)),
    type: bytes[22],
    index: Number(view.getBigUint64(24, true)),
    sample: Number(view.getBigUint64(32, true)),
    capturedMs: milliseconds(view.getBigInt64(40, true)),
    publishedMs: milliseconds(view.getBigInt64(48, true)),
    lookahead: view.getUint32(56, true),
    rate: view.getUint32(60, true),
    count: view.getUint32(64, true),
    weights: view.getUint32(68, true),
    scale: view.getFloat32(72, true),
    offset: [76, 80, 84].map((at) => view.getFloat32(at, true)),
  };
  if (kind === "B") return { kind: "bye", session: head.session };
  if (kind === "T") return topology(head, buffer);
  if (kind !== "F" && kind !== "A") throw new WireError(`message of unknown kind ${kind}: update voxmesh`);
  if (!(head.type in SIZES)) throw new WireError(`numbers of unknown type ${head.type}: update voxmesh`);
  return kind === "F" ? frame(head, buffer) : audio(head, buffer);
}

function frame(head, buffer) {
  const weightBytes = 4 * head.weights, size = HEADER_BYTES + weightBytes + 3 * head.count * SIZES[head.type];
  if (head.count > MAX_VERTICES || head.weights > MAX_WEIGHTS || buffer.byteLength !== size)
    throw new WireError(`frame of ${head.count} vertices and ${head.weights} weights in ${buffer.byteLength} bytes`);
  const weights = new Float32Array(buffer, HEADER_BYTES, head.weights);
  return { kind: "frame", ...stamps(head), weights, vertices: numbers(head, buffer, HEADER_BYTES + weightBytes, 3) };
}

function audio(head, buffer) {
  const size = HEADER_BYTES + head.count * SIZES[head.type];
  if (head.count > MAX_SAMPLES || head.weights || buffer.byteLength !== size || !head.rate)
    throw new WireError(`sound of ${head.count} samples at ${head.rate} Hz in ${buffer.byteLength} bytes`);
  return { kind: "audio", ...stamps(head), samples: numbers(head, buffer, HEADER_BYTES, 1) };
}

function stamps({ session, index, sample, capturedMs, publishedMs, lookahead, rate }) {
  return { session, index, sample, capturedMs, publishedMs, lookahead, rate };
}

/** `count` x `axes` numbers as float32: offset + scale * q, in float64 until it is stored, where they came as int16. */
function numbers({ type, count, scale, offset }, buffer, at, axes) {
  const length = count * axes;
  if (type === 1) return new Float32Array(buffer, at, length);
  const out = new Float32Array(length);
  if (type === 2) {
    const halves = new Uint16Array(buffer, at, length), table = halfTable();
    for (let i = 0; i < length; i++) out[i] = table[halves[i]];
    return out;
  }
  if (!(scale >= 0 && scale <= LARGEST && offset.every((value) => Math.abs(value) <= LARGEST)))
    throw new WireError(`int16 numbers of scale ${scale} and offset ${offset}`);
  const steps = new Int16Array(buffer, at, length);
  for (let i = 0; i < length; i++) out[i] = offset[i % axes] + scale * steps[i];
  return out;
}

let halves = null;

/** The float32 of each of the 65536 float16: not every browser reads them by itself yet. */
function halfTable() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let code = 0; code < 65536; code++) {
    const sign = code & 0x8000 ? -1 : 1, exponent = (code >> 10) & 31, fraction = code & 1023;
    if (exponent === 31) halves[code] = fraction ? NaN : sign * Infinity;
    else halves[code] = sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
  }
  return halves;
}

function topology(head, buffer) {
  try {
    const jsonBytes = new DataView(buffer).getUint32(HEADER_BYTES, true);
    const json = HEADER_BYTES + 8, data = json + jsonBytes;
    if (jsonBytes % 8 || data > buffer.byteLength) throw new WireError(`${jsonBytes} bytes of JSON`);
    const about = JSON.parse(utf8.decode(new Uint8Array(buffer, json, jsonBytes)));
    const arrays = {}, regions = {};
    for (const entry of about.arrays) arrays[entry.name] = array(buffer, data, entry);
    for (const [name, [type, columns]] of Object.entries(SURFACE)) {
      const rows = name === "faces" ? arrays[name].shape[0] : head.count;
      check(arrays[name], type, columns ? [rows, columns] : [rows], name);
    }
    for (const [name, mask] of Object.entries(arrays)) {
      if (!name.startsWith("region:")) continue;
      check(mask, "uint8", [head.count], name);
      regions[name.slice(7)] = mask.values;
    }
    const named = (vertex) => Number.isInteger(vertex) && vertex >= 0 && vertex < head.count;
    if (!arrays.faces.values.every(named) || !Object.values(about.landmarks).every(named))
      throw new WireError("a vertex that is not there");
    if (about.blendshape_names.length !== head.weights)
      throw new WireError(`${about.blendshape_names.length} blendshape names`);
    const clock = { rate: about.sample_rate, fpsNum: about.fps_num, fpsDen: about.fps_den };
    if (!Object.values(clock).every((value) => Number.isInteger(value) && value > 0)) throw new WireError("no clock");
    const surface = Object.fromEntries(Object.keys(SURFACE).map((name) => [name, arrays[name].values]));
    const rest = { landmarks: about.landmarks, regions, blendshapeNames: about.blendshape_names };
    return { kind: "topology", session: head.session, ...clock, ...surface, ...rest };
  } catch (error) {
    throw new WireError(`damaged topology message: ${error.message}`);
  }
}

/** One row of the table: {type, shape, values}. */
function array(buffer, data, { type, shape, offset }) {
  const sized = [...shape, offset].every((number) => Number.isInteger(number) && number >= 0);
  if (!(type in ARRAYS) || shape.length > 2 || !sized || offset % 8)
    throw new WireError(`an array of ${type}, ${shape} at ${offset}`);
  return { type, shape, values: new ARRAYS[type](buffer, data + offset, shape.reduce((a, b) => a * b, 1)) };
}

function check(found, type, shape, name) {
  if (!found || found.type !== type || String(found.shape) !== String(shape))
    throw new WireError(`${name} is not ${type} of ${shape}`);
}

function sessionName(raw) {
  const end = raw.indexOf(0), name = end < 0 ? raw : raw.subarray(0, end);
  if (!name.length || raw.subarray(name.length).some(Boolean)) throw new WireError("a session without a name");
  try {
    return utf8.decode(name);
  } catch {
    throw new WireError("a session's name that is not UTF-8");
  }
}

function milliseconds(ns) {
  return ns ? Number(ns) / 1e6 : null;
}
