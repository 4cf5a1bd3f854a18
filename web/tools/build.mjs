// Puts the page together: node tools/build.mjs [DIR]. Its own files as they are, ONNX Runtime's beside them, and a service worker that
// names them all. The folder can be served from anywhere.
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('..', import.meta.url));
const out = process.argv[2] ?? join(web, 'dist');
const runtime = join(web, 'node_modules/onnxruntime-web/dist');
const ORT = ['ort.wasm.min.mjs', 'ort.webgpu.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm', 'ort-wasm-simd-threaded.asyncify.mjs', 'ort-wasm-simd-threaded.asyncify.wasm'];
await rm(out, { recursive: true, force: true });
await mkdir(join(out, 'ort'), { recursive: true });
for (const name of await readdir(join(web, 'src'))) await cp(join(web, 'src', name), join(out, name));
for (const name of ORT) await cp(join(runtime, name), join(out, 'ort', name));

// WebGPU's files double the size; they are kept once they were needed.
const own = (await readdir(out)).filter(n => /\.(html|js|css)$/.test(n) && n !== 'sw.js').map(n => (n === 'index.html' ? './' : n)).sort();
const kept = [...own, ...ORT.filter(n => !/webgpu|asyncify/.test(n)).map(n => `ort/${n}`)];
const hash = createHash('sha256');
for (const name of kept) hash.update(await readFile(join(out, name === './' ? 'index.html' : name)));
const worker = (await readFile(join(out, 'sw.js'), 'utf8')).replace('/*version*/', `onnxpriors-${hash.digest('hex').slice(0, 16)}`).replace('/*files*/', kept.map(n => `'${n}'`).join(', '));
await writeFile(join(out, 'sw.js'), worker);
console.log(`${out}: ${kept.length} files work offline.`);
