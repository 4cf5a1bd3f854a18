// ONNX Runtime in the browser: WebGPU where the browser offers an adapter and it is wanted, else WebAssembly.

/**
 * @param {boolean} wantsGpu
 * @returns {Promise<{ort: object, options: object, update: {ort: object, options: object}, name: string}>} `update` is for the update
 * model, which sums in float64: WebGPU has no such numbers, and the build that has WebGPU lacks them in its WebAssembly kernels too.
 */
export async function loadRuntime(wantsGpu) {
  const hasGpu = wantsGpu && Boolean(await navigator.gpu?.requestAdapter().catch(() => null));
  const update = { ort: await load('ort.wasm.min.mjs'), options: { executionProviders: ['wasm'] } };
  const main = hasGpu ? { ort: await load('ort.webgpu.min.mjs'), options: { executionProviders: ['webgpu', 'wasm'] } } : update;
  return { ...main, update, name: `ONNX Runtime ${main.ort.env.versions?.web ?? ''}, ${hasGpu ? 'WebGPU' : 'WebAssembly'}` };
}

async function load(file) {
  const ort = await import(`./ort/${file}`);
  ort.env.wasm.wasmPaths = new URL('./ort/', import.meta.url).href;
  if (!globalThis.crossOriginIsolated) ort.env.wasm.numThreads = 1;
  return ort;
}
