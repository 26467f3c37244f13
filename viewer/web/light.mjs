// Light on a face, as viewer/shading.py has it, for each pixel: a warm soft key light and its shadow, a cool fill
// light, sky and ground, a rim, highlights. GLSL only; shadow.mjs and face.mjs feed it.

/** Direction to the key light: above, in front, to the viewer's left. */
export const KEY = [-0.45, 0.55, 0.75];

/** sRGB behind the face. */
export const BACKGROUND = [0.83, 0.87, 0.89];

/** Depth of what the key light sees. u_light: metres to the light's clip space. */
export const DEPTH_VERTEX = `#version 300 es
uniform mat4 u_light;
layout(location = 0) in vec3 a_position;
void main() { gl_Position = u_light * vec4(a_position, 1.0); }
`;

/** For what leaves no pixel: depth alone, or vertices alone. */
export const NO_FRAGMENT = `#version 300 es
void main() {}
`;

// How much of the key light each vertex does not see, at rest. Only what is hidden by something well in front counts:
// what nearly touches (lips on teeth) is the occlusion's business, and would leave a mark when the mouth opens.
export const SHADOW_VERTEX = `#version 300 es
precision highp float;
uniform mat4 u_light;
uniform vec3 u_key;
uniform highp sampler2D u_depth;
uniform float u_depth_span;   // light's depth range, of the mesh's largest extent
uniform float u_softness;     // radius of the shadow's edge, of the depth map
layout(location = 0) in vec3 a_position;
layout(location = 1) in vec3 a_normal;
out float v_hidden;

const float NEAR = 0.025, FAR = 0.065;

void main() {
  vec3 at = (u_light * vec4(a_position, 1.0)).xyz * 0.5 + 0.5;
  float sum = 0.0, taps = 0.0;
  for (int i = -6; i <= 6; i++) for (int j = -6; j <= 6; j++) {
    if (i * i + j * j > 37) continue;
    float ahead = at.z - textureLod(u_depth, at.xy + u_softness / 6.0 * vec2(i, j), 0.0).r;
    sum += clamp((ahead * u_depth_span - NEAR) / (FAR - NEAR), 0.0, 1.0);
    taps += 1.0;
  }
  v_hidden = sum / taps * clamp(dot(a_normal, u_key) / 0.35, 0.0, 1.0);
}
`;

export const FACE_VERTEX = `#version 300 es
precision highp float;
uniform mat4 u_camera;
layout(location = 0) in vec3 a_position;
layout(location = 1) in vec3 a_normal;
layout(location = 2) in vec3 a_albedo;
layout(location = 3) in vec3 a_occlusion;
layout(location = 4) in float a_gloss;
layout(location = 5) in float a_hidden;
out vec3 v_position, v_normal, v_albedo, v_occlusion;
out float v_gloss, v_skin, v_hidden, v_unlit;

void main() {
  gl_Position = u_camera * vec4(a_position, 1.0);
  v_position = a_position;
  v_normal = a_normal;
  v_albedo = pow(a_albedo, vec3(2.2));
  v_occlusion = a_occlusion;
  v_gloss = a_gloss;
  float warm = clamp((v_albedo.r - v_albedo.b) / max(v_albedo.r, 1e-6) / 0.4, 0.0, 1.0);
  v_skin = v_albedo.r >= v_albedo.g ? warm * clamp((v_albedo.r - 0.02) / 0.12, 0.0, 1.0) : 0.0;
  v_unlit = float(a_albedo == vec3(1.0) && a_occlusion == vec3(1.0) && a_gloss == 1.0);   // a catch-light
  v_hidden = a_hidden;
}
`;

export const FACE_FRAGMENT = `#version 300 es
precision highp float;
uniform vec3 u_eye, u_key;
in vec3 v_position, v_normal, v_albedo, v_occlusion;
in float v_gloss, v_skin, v_hidden, v_unlit;
out vec4 o_color;

const float EXPOSURE = 1.18;
const vec3 FILL = vec3(0.80, 0.15, 0.55), RIM = vec3(0.5, 0.5, -0.6);
const vec3 SKY = 0.26 * vec3(0.80, 0.88, 1.0), GROUND = 0.16 * vec3(0.95, 0.70, 0.58);

void main() {
  vec3 normal = normalize(v_normal), view = normalize(u_eye - v_position);
  float open = dot(v_occlusion, vec3(1.0 / 3.0));
  vec3 sheltered = v_albedo * v_occlusion;

  // Skin scatters red furthest: past the terminator red wraps more than blue, and bleeds into the shadow.
  vec3 wrap = 0.35 + v_skin * vec3(0.13, -0.06, -0.11);
  vec3 soft = clamp((dot(u_key, normal) + wrap) / (1.0 + wrap), 0.0, 1.0);
  vec3 shadow = 1.0 - 0.75 * v_hidden * (1.0 - v_skin * vec3(0.25, 0.02, 0.0));
  vec3 light = v_albedo * (0.40 + 0.60 * v_occlusion) * shadow * soft * (0.65 + 0.35 * soft);
  light *= 0.86 * vec3(1.0, 0.965, 0.91);
  light += 0.22 * sheltered * vec3(0.62, 0.72, 0.92) * clamp((dot(normalize(FILL), normal) + 0.5) / 1.5, 0.0, 1.0);
  light += sheltered * mix(GROUND, SKY, 0.5 + 0.5 * normal.y);
  light *= EXPOSURE;

  float grazing = 1.0 - clamp(dot(normal, view), 0.0, 1.0);
  float behind = clamp(0.6 * dot(normalize(RIM), normal) + 0.5, 0.0, 1.0);
  light += 0.15 * vec3(1.0, 0.93, 0.88) * v_occlusion * grazing * grazing * grazing * behind;
  float broad = pow(clamp(dot(normal, normalize(view + u_key)), 0.0, 1.0), 10.0);
  light += open * (0.5 * v_gloss * pow(broad, 4.0) + 0.035 * v_skin * broad);

  light = clamp(1.10 * light / (1.0 + 0.12 * light), 0.0, 1.0);
  o_color = vec4(mix(pow(light, vec3(1.0 / 2.2)), vec3(1.0), v_unlit), 1.0);
}
`;
