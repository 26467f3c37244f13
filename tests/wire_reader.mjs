// For test_web_wire.py: what the page's reader makes of messages, as tests/data/messages.json tells it.

/** bytes: ArrayBuffer. Returns {refused} or the message, with plain lists and nanoseconds. */
export function tell({ parse, WireError }, bytes) {
  let message;
  try {
    message = parse(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { refused: error.message };
  }
  return JSON.parse(JSON.stringify(message, (_, value) => (ArrayBuffer.isView(value) ? [...value] : value)));
}

if (typeof process !== "undefined") {
  const { readFileSync } = await import("node:fs");
  const [reader, ...files] = process.argv.slice(2), wire = await import(reader);
  const whole = (data) => data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  console.log(JSON.stringify(files.map((file) => tell(wire, whole(readFileSync(file))))));
}
