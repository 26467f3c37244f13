// The soft shadow that the key light casts, computed once, at rest (viewer/shadow.py): chin on neck, hair on temple.

import { bounds } from "./camera.mjs";
import * as light from "./light.mjs";
import { along, looking, multiply, orthographic, unit } from "./matrix.mjs";

const DEPTH_TEXELS = 512;
const SOFT = 5 / 200; // radius of the shadow's edge, of the mesh's largest extent
const KEY = unit(light.KEY);

/**
 * A buffer of one float a vertex: how much of the key light it does not see. Wants the mesh's vertex array bound, with
 * positions at 0, normals at 1 and the faces. Vertices go through the graphics once, and the results stay there.
 */
export function castShadow(gl, { template, faces }) {
  const count = template.length / 3, view = keyLight(template);
  const texture = gl.createTexture(), target = gl.createFramebuffer();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl.DEPTH_COMPONENT24, DEPTH_TEXELS, DEPTH_TEXELS);
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
  for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  gl.bindFramebuffer(gl.FRAMEBUFFER, target);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, texture, 0);
  gl.viewport(0, 0, DEPTH_TEXELS, DEPTH_TEXELS);
  gl.clear(gl.DEPTH_BUFFER_BIT);
  const depth = program(gl, light.DEPTH_VERTEX, light.NO_FRAGMENT);
  gl.useProgram(depth.linked);
  gl.uniformMatrix4fv(depth.at("u_light"), false, view.matrix);
  gl.drawElements(gl.TRIANGLES, faces.length, gl.UNSIGNED_INT, 0);
  gl.bindFramebuffer(gl.FRAMEBUFFER, null);

  const hidden = gl.createBuffer(), shadow = program(gl, light.SHADOW_VERTEX, light.NO_FRAGMENT, ["v_hidden"]);
  gl.bindBuffer(gl.TRANSFORM_FEEDBACK_BUFFER, hidden);
  gl.bufferData(gl.TRANSFORM_FEEDBACK_BUFFER, 4 * count, gl.STATIC_DRAW);
  gl.bindBufferBase(gl.TRANSFORM_FEEDBACK_BUFFER, 0, hidden);
  gl.useProgram(shadow.linked);
  gl.uniformMatrix4fv(shadow.at("u_light"), false, view.matrix);
  gl.uniform3fv(shadow.at("u_key"), KEY);
  gl.uniform1f(shadow.at("u_depth_span"), view.span);
  gl.uniform1f(shadow.at("u_softness"), view.softness);
  gl.enable(gl.RASTERIZER_DISCARD);
  gl.beginTransformFeedback(gl.POINTS);
  gl.drawArrays(gl.POINTS, 0, count);
  gl.endTransformFeedback();
  gl.disable(gl.RASTERIZER_DISCARD);
  gl.bindBufferBase(gl.TRANSFORM_FEEDBACK_BUFFER, 0, null);
  gl.bindBuffer(gl.TRANSFORM_FEEDBACK_BUFFER, null);

  gl.deleteTexture(texture);
  gl.deleteFramebuffer(target);
  for (const { linked } of [depth, shadow]) gl.deleteProgram(linked);
  return hidden;
}

/** What the key light sees of a mesh: its matrix, how far its depths span, how wide its shadows' edges are. */
function keyLight(template) {
  const [low, high] = bounds(template, -Infinity);
  const extent = Math.max(...high.map((value, axis) => value - low[axis])) || 1;
  const middle = low.map((value, axis) => (value + high[axis]) / 2);
  const radius = 1.1 * Math.hypot(...high.map((value, axis) => value - middle[axis])) || 1;
  const matrix = multiply(orthographic(radius, radius, 2 * radius), looking(along(middle, KEY, radius), KEY));
  return { matrix, span: (2 * radius) / extent, softness: (SOFT * extent) / (2 * radius) };
}

/** {linked, at: name -> place of a uniform}. captured: what the vertex shader puts out for a buffer. */
export function program(gl, vertex, fragment, captured = []) {
  const linked = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
      throw new Error(`a shader does not compile: ${gl.getShaderInfoLog(shader)}`);
    gl.attachShader(linked, shader);
    gl.deleteShader(shader); // goes with the program
  }
  if (captured.length) gl.transformFeedbackVaryings(linked, captured, gl.SEPARATE_ATTRIBS);
  gl.linkProgram(linked);
  const places = {};
  const at = (name) => (name in places ? places[name] : (places[name] = gl.getUniformLocation(linked, name)));
  return { linked, at };
}
