// What little linear algebra a camera takes. Vectors are arrays of 3; matrices are 16 numbers, column by column.

export const subtract = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const along = (a, direction, amount) => a.map((value, i) => value + amount * direction[i]);
export const unit = (a) => a.map((value) => value / Math.sqrt(dot(a, a)));

/** a after b. */
export function multiply(a, b) {
  const out = new Array(16).fill(0);
  for (let column = 0; column < 4; column++)
    for (let row = 0; row < 4; row++)
      for (let k = 0; k < 4; k++) out[4 * column + row] += a[4 * k + row] * b[4 * column + k];
  return out;
}

/** World to eye: x right, y up, z towards the viewer. backward: unit vector from what is looked at to the eye. */
export function looking(eye, backward) {
  const right = unit(cross([0, 1, 0], backward)), up = cross(backward, right);
  const rows = [right, up, backward];
  return [0, 1, 2].flatMap((i) => [...rows.map((row) => row[i]), 0]).concat(rows.map((row) => -dot(row, eye)), 1);
}

/** slope: tangent of half the vertical field of view. */
export function perspective(slope, aspect, near, far) {
  const depth = (near + far) / (near - far);
  return [1 / (slope * aspect), 0, 0, 0, 0, 1 / slope, 0, 0, 0, 0, depth, -1, 0, 0, (2 * near * far) / (near - far), 0];
}

/** A box around the eye's axis: half its width and height, and its depth from the eye. */
export function orthographic(halfWidth, halfHeight, depth) {
  return [1 / halfWidth, 0, 0, 0, 0, 1 / halfHeight, 0, 0, 0, 0, -2 / depth, 0, 0, 0, -1, 1];
}
