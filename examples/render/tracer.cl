// A small path tracer: spheres on a checkered floor under a soft sky; diffuse, metal and glass.
// One work-item a pixel; one launch adds one sample to every pixel of `sum`.

typedef struct { float4 center_radius; float4 color_kind; float4 extra; } Sphere;  // kind: 0 diffuse 1 metal 2 glass 3 light

typedef struct { uint s; } Random;

inline uint hash(uint x) { x ^= x >> 16; x *= 0x7feb352dU; x ^= x >> 15; x *= 0x846ca68bU; x ^= x >> 16; return x; }
inline float next(Random* r) { r->s = r->s * 747796405U + 2891336453U; return (hash(r->s) >> 8) * (1.0f / 16777216.0f); }

inline float3 on_sphere(Random* r) {
  const float z = 1.0f - 2.0f * next(r), a = 6.2831853f * next(r), q = sqrt(fmax(0.0f, 1.0f - z * z));
  return (float3)(q * cos(a), q * sin(a), z);
}

inline float3 sky(float3 d) {
  const float t = 0.5f * (d.y + 1.0f);
  const float3 base = mix((float3)(0.95f, 0.72f, 0.52f), (float3)(0.22f, 0.38f, 0.72f), pow(t, 0.7f));
  const float3 sun = normalize((float3)(0.55f, 0.42f, -0.6f));
  return base * 0.85f + (float3)(9.0f, 7.0f, 4.5f) * pow(fmax(0.0f, dot(d, sun)), 260.0f);
}

inline float hit_sphere(float3 o, float3 d, float4 s) {
  const float3 oc = o - s.xyz;
  const float b = dot(oc, d), c = dot(oc, oc) - s.w * s.w, h = b * b - c;
  if (h < 0.0f) return -1.0f;
  const float q = sqrt(h);
  return -b - q > 1e-3f ? -b - q : -b + q;
}

float3 trace(float3 o, float3 d, __constant Sphere* spheres, int count, Random* r) {
  float3 light = 0.0f, through = 1.0f;
  for (int bounce = 0; bounce < 7; ++bounce) {
    float near = 1e20f;
    int which = -2;
    if (d.y < -1e-4f && -o.y / d.y > 1e-3f) { near = -o.y / d.y; which = -1; }
    for (int i = 0; i < count; ++i) {
      const float t = hit_sphere(o, d, spheres[i].center_radius);
      if (t > 1e-3f && t < near) { near = t; which = i; }
    }
    if (which == -2) return light + through * sky(d);

    const float3 p = o + d * near;
    if (which == -1) {
      const int even = ((int)floor(p.x * 0.8f) + (int)floor(p.z * 0.8f)) & 1;
      const float3 color = even ? (float3)(0.82f, 0.80f, 0.76f) : (float3)(0.16f, 0.20f, 0.27f);
      const float fade = exp(-0.004f * near * near);
      if (next(r) > fade) return light + through * sky(normalize((float3)(d.x, 0.02f, d.z)));
      if (next(r) < 0.12f) { d = (float3)(d.x, -d.y, d.z); }
      else { through *= color; d = normalize((float3)(0, 1, 0) + on_sphere(r)); }
      o = p + (float3)(0, 1e-3f, 0);
      continue;
    }
    const float4 ck = spheres[which].color_kind;
    const int kind = (int)ck.w;
    float3 n = (p - spheres[which].center_radius.xyz) / spheres[which].center_radius.w;
    if (kind == 3) return light + through * ck.xyz;
    if (kind == 0) {
      through *= ck.xyz;
      d = normalize(n + on_sphere(r));
      o = p + n * 1e-3f;
    } else if (kind == 1) {
      through *= ck.xyz;
      d = normalize(d - 2.0f * dot(d, n) * n + spheres[which].extra.x * on_sphere(r));
      if (dot(d, n) <= 0.0f) return light;
      o = p + n * 1e-3f;
    } else {
      const int inside = dot(d, n) > 0.0f;
      const float eta = inside ? 1.5f : 1.0f / 1.5f;
      if (inside) n = -n;
      const float c = -dot(d, n), k = 1.0f - eta * eta * (1.0f - c * c);
      const float f = 0.04f + 0.96f * pow(1.0f - fmax(c, 0.0f), 5.0f);
      if (k < 0.0f || next(r) < f) { d = d - 2.0f * dot(d, n) * n; o = p + n * 1e-3f; }
      else { d = normalize(eta * d + (eta * c - sqrt(k)) * n); through *= ck.xyz; o = p - n * 1e-3f; }
    }
    if (bounce > 3) {
      const float keep = fmax(through.x, fmax(through.y, through.z));
      if (next(r) > keep) return light;
      through /= keep;
    }
  }
  return light;
}

__kernel void sample(__global float4* sum, __constant Sphere* spheres, int count, int width, int height, uint pass) {
  const int x = get_global_id(0), y = get_global_id(1);
  if (x >= width || y >= height) return;
  Random r = {hash((uint)(y * width + x) ^ hash(pass * 9781U + 1U))};
  const float3 eye = (float3)(0.0f, 1.55f, -6.4f), at = (float3)(0.0f, 0.75f, 0.0f);
  const float3 w = normalize(at - eye), u = normalize(cross((float3)(0, 1, 0), w)), v = cross(w, u);
  const float fx = (2.0f * (x + next(&r)) / width - 1.0f) * width / height, fy = 1.0f - 2.0f * (y + next(&r)) / height;
  float3 d = normalize(w * 2.1f + u * fx + v * fy);
  const float a = 6.2831853f * next(&r), q = 0.045f * sqrt(next(&r));  // a thin lens, focused on the middle row
  const float3 focus = eye + d * (6.2f / dot(d, w)), o = eye + u * (q * cos(a)) + v * (q * sin(a));
  const float3 c = trace(o, normalize(focus - o), spheres, count, &r);
  sum[y * width + x] += (float4)(fmin(c, 12.0f), 1.0f);
}
