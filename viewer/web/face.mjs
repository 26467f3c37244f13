// One face in WebGL2: buffers, a depth map from the key light, the picture. Normals are made here, once a frame.

import { bounds } from "./camera.mjs";
import * as light from "./light.mjs";
import { along, looking, multiply, orthographic, unit } from "./matrix.mjs";

const DEPTH_TEXELS = 512;
const SOFT = 5 / 200; // radius of the shadow's edge, of the mesh's largest extent
const MOST_PIXELS = 2; // a screen's pixel ratio above this costs more than it shows
const KEY = unit(light.KEY);

/** Area-weighted vertex normals. vertices, out: (V, 3), faces: (F, 3), row by row. Not of unit length. */
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
}

export class Face {
  /** Throws an Error where there is no WebGL2. */
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", { alpha: false, antialias: true, powerPreference: "high-performance" });
    if (!this.gl) throw new Error("no WebGL2");
    this.topology = null;
    this.prepare();
    // A phone takes the graphics away from a page in the background, and gives them back.
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.prepare();
      if (this.topology) this.show(this.topology);
    });
  }

  prepare() {
    const gl = this.gl;
    this.depthProgram = program(gl, light.DEPTH_VERTEX, light.DEPTH_FRAGMENT);
    this.program = program(gl, light.FACE_VERTEX, light.FACE_FRAGMENT);
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture); // for good: there is no other
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.DEPTH_COMPONENT24, DEPTH_TEXELS, DEPTH_TEXELS);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    this.depthMap = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.depthMap);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, texture, 0);
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
    this.meshBuffers = [this.positionBuffer, this.normalBuffer, ...look, indices];
    this.light = keyLight(topology.template);
    this.pose(topology.template);
  }

  /** (V, 3) metres, of the topology shown. */
  pose(vertices) {
    const gl = this.gl;
    normals(vertices, this.topology.faces, this.normals);
    for (let i = 0; i < this.normals.length; i += 3) {
      const length = Math.hypot(this.normals[i], this.normals[i + 1], this.normals[i + 2]) || 1;
      for (let axis = 0; axis < 3; axis++) this.normals[i + axis] /= length;
    }
    for (const [buffer, data] of [[this.positionBuffer, vertices], [this.normalBuffer, this.normals]]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, data);
    }
  }

  /** True if the canvas had to follow its size on the page. */
  resize() {
    const { canvas } = this, ratio = Math.min(window.devicePixelRatio || 1, MOST_PIXELS);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio)), height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width === width && canvas.height === height) return false;
    Object.assign(canvas, { width, height });
    return true;
  }

  draw(camera) {
    const gl = this.gl, { width, height } = this.canvas;
    if (!this.topology || gl.isContextLost()) {
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      return;
    }
    gl.bindVertexArray(this.mesh);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.depthMap);
    gl.viewport(0, 0, DEPTH_TEXELS, DEPTH_TEXELS);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.depthProgram.program);
    gl.uniformMatrix4fv(this.depthProgram.at("u_light"), false, this.light.matrix);
    gl.drawElements(gl.TRIANGLES, this.topology.faces.length, gl.UNSIGNED_INT, 0);

    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const { matrix, eye } = camera.place(width / height), { at } = this.program;
    gl.useProgram(this.program.program);
    gl.uniformMatrix4fv(at("u_camera"), false, matrix);
    gl.uniformMatrix4fv(at("u_light"), false, this.light.matrix);
    gl.uniform3fv(at("u_eye"), eye);
    gl.uniform3fv(at("u_key"), KEY);
    gl.uniform1f(at("u_depth_span"), this.light.span);
    gl.uniform1f(at("u_softness"), this.light.softness);
    gl.drawElements(gl.TRIANGLES, this.topology.faces.length, gl.UNSIGNED_INT, 0);
  }
}

/** What the key light sees of a mesh at rest, with room for it to move: its matrix, and how far its depths span. */
function keyLight(template) {
  const [low, high] = bounds(template, -Infinity);
  const extent = Math.max(...high.map((value, axis) => value - low[axis])) || 1;
  const middle = low.map((value, axis) => (value + high[axis]) / 2);
  const radius = 1.1 * Math.hypot(...high.map((value, axis) => value - middle[axis]));
  const matrix = multiply(orthographic(radius, radius, 2 * radius), looking(along(middle, KEY, radius), KEY));
  return { matrix, span: (2 * radius) / extent, softness: (SOFT * extent) / (2 * radius) };
}

function program(gl, vertex, fragment) {
  const linked = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(linked, shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
      throw new Error(`a shader does not compile: ${gl.getShaderInfoLog(shader)}`);
  }
  gl.linkProgram(linked);
  const places = {};
  const at = (name) => (name in places ? places[name] : (places[name] = gl.getUniformLocation(linked, name)));
  return { program: linked, at };
}
