// ONNX Runtime in the browser: WebGPU where the browser offers an adapter and it is wanted, else WebAssembly.

/**
 * @param {boolean} wantsGpu
 * @returns {Promise<{ort: object, options: object, name: string}>}
 */
export async function loadRuntime(wantsGpu) {
  const hasGpu = wantsGpu && Boolean(await navigator.gpu?.requestAdapter().catch(() => null));
  const ort = await import(hasGpu ? './ort/ort.webgpu.min.mjs' : './ort/ort.wasm.min.mjs');
  ort.env.wasm.wasmPaths = new URL('./ort/', import.meta.url).href;
  if (!globalThis.crossOriginIsolated) ort.env.wasm.numThreads = 1;
  return { ort, options: { executionProviders: hasGpu ? ['webgpu', 'wasm'] : ['wasm'] }, name: `ONNX Runtime ${ort.env.versions?.web ?? ''}, ${hasGpu ? 'WebGPU' : 'WebAssembly'}` };
}
