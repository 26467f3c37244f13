// One face in WebGL2: its buffers, its normals (made here, once a frame), the picture.

import * as light from "./light.mjs";
import { unit } from "./matrix.mjs";
import { castShadow, program } from "./shadow.mjs";

const MOST_PIXELS = 2; // a screen's pixel ratio above this costs more than it shows
const KEY = unit(light.KEY);

/** Unit vertex normals, weighted by area. vertices, out: (V, 3), faces: (F, 3), row by row. 0 where no face touches. */
export function normals(vertices, faces, out) {
  out.fill(0);
  for (let f = 0; f < faces.length; f += 3) {
    const a = 3 * faces[f], b = 3 * faces[f + 1], c = 3 * faces[f + 2];
    const ax = vertices[a], ay = vertices[a + 1], az = vertices[a + 2];
    const ux = vertices[b] - ax, uy = vertices[b + 1] - ay, uz = vertices[b + 2] - az;
    const vx = vertices[c] - ax, vy = vertices[c + 1] - ay, vz = vertices[c + 2] - az;
    const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
    out[a] += x; out[a + 1] += y; out[a + 2] += z;
    out[b] += x; out[b + 1] += y; out[b + 2] += z;
    out[c] += x; out[c + 1] += y; out[c + 2] += z;
  }
  for (let i = 0; i < out.length; i += 3) {
    const length = Math.sqrt(out[i] ** 2 + out[i + 1] ** 2 + out[i + 2] ** 2) || 1;
    out[i] /= length; out[i + 1] /= length; out[i + 2] /= length;
  }
}

export class Face {
  /** Throws an Error where there is no WebGL2. */
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", { alpha: false, antialias: true, powerPreference: "high-performance" });
    if (!this.gl) throw new Error("no WebGL2");
    this.topology = null;
    this.stale = true; // the picture has to be drawn again
    this.prepare();
    // A phone takes the graphics away from a page in the background, and gives them back.
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.prepare();
      if (this.topology) this.show(this.topology);
      this.stale = true;
    });
  }

  prepare() {
    const gl = this.gl;
    this.program = program(gl, light.FACE_VERTEX, light.FACE_FRAGMENT);
    gl.enable(gl.DEPTH_TEST);
    gl.clearColor(...light.BACKGROUND, 1);
    this.meshBuffers = [];
  }

  /** Another mesh: a topology message. */
  show(topology) {
    const gl = this.gl;
    this.meshBuffers.forEach((buffer) => gl.deleteBuffer(buffer));
    if (this.mesh) gl.deleteVertexArray(this.mesh);
    this.topology = topology;
    this.mesh = gl.createVertexArray();
    gl.bindVertexArray(this.mesh);
    const attribute = (location, data, columns, type) => {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, type === gl.FLOAT ? gl.DYNAMIC_DRAW : gl.STATIC_DRAW);
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, columns, type, type !== gl.FLOAT, 0, 0);
      return buffer;
    };
    this.normals = new Float32Array(topology.template.length);
    this.positionBuffer = attribute(0, topology.template, 3, gl.FLOAT);
    this.normalBuffer = attribute(1, this.normals, 3, gl.FLOAT);
    const look = [
      attribute(2, topology.albedo, 3, gl.UNSIGNED_BYTE),
      attribute(3, topology.occlusion, 3, gl.UNSIGNED_BYTE),
      attribute(4, topology.gloss, 1, gl.UNSIGNED_BYTE),
    ];
    const indices = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, indices);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, topology.faces, gl.STATIC_DRAW);
    this.pose(topology.template);
    const hidden = castShadow(gl, topology);
    gl.bindBuffer(gl.ARRAY_BUFFER, hidden);
    gl.enableVertexAttribArray(5);
    gl.vertexAttribPointer(5, 1, gl.FLOAT, false, 0, 0);
    this.meshBuffers = [this.positionBuffer, this.normalBuffer, ...look, indices, hidden];
  }

  /** (V, 3) metres, of the topology shown. */
  pose(vertices) {
    const gl = this.gl;
    normals(vertices, this.topology.faces, this.normals);
    for (const [buffer, data] of [[this.positionBuffer, vertices], [this.normalBuffer, this.normals]]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, data);
    }
  }

  /** Follows the canvas's size on the page. */
  resize() {
    const { canvas } = this, ratio = Math.min(window.devicePixelRatio || 1, MOST_PIXELS);
    const pixels = (size) => Math.max(1, Math.round(size * ratio));
    const width = pixels(canvas.clientWidth), height = pixels(canvas.clientHeight);
    if (canvas.width === width && canvas.height === height) return;
    Object.assign(canvas, { width, height });
    this.stale = true;
  }

  draw(camera) {
    this.stale = false;
    const gl = this.gl, { width, height } = this.canvas;
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (!this.topology || gl.isContextLost()) return;
    const { matrix, eye } = camera.place(width / height), { at } = this.program;
    gl.bindVertexArray(this.mesh);
    gl.useProgram(this.program.linked);
    gl.uniformMatrix4fv(at("u_camera"), false, matrix);
    gl.uniform3fv(at("u_eye"), eye);
    gl.uniform3fv(at("u_key"), KEY);
    gl.drawElements(gl.TRIANGLES, this.topology.faces.length, gl.UNSIGNED_INT, 0);
  }
}
