// Tries the page in headless Chromium, the way a person goes: load a package, add 8 real pictures, train, classify, save; then again
// offline. With --batches also the step's losses in the browser, against what `onnxpriors replay` printed.
//   node tools/page-test.mjs PACKAGE.zip --pictures animals.zip [--screenshot OUT.png] [--step STEP.zip --batches B.npz --expected R.json --batch 16 --learning-rate R --prior-weight W]
// CHROMIUM names the browser's program; /usr/bin/chromium by default.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import * as ort from '../node_modules/onnxruntime-web/dist/ort.wasm.min.mjs';
import { readZip } from '../src/zip.js';
import { readArguments } from './arguments.mjs';
import { serve } from './serve.mjs';
import { writeZip } from './zip-writer.mjs';

const given = readArguments('usage: page-test.mjs PACKAGE.zip --pictures PICTURES.zip [--screenshot OUT.png] [--step STEP.zip --batches B.npz --expected R.json]',
  { pictures: '', screenshot: '', step: '', batches: '', expected: '', batch: 16, 'learning-rate': 1e-3, 'prior-weight': 0 });
const folder = await mkdtemp(join(tmpdir(), 'onnxpriors-page-'));
const site = join(folder, 'site');
await promisify(execFile)(process.execPath, [fileURLToPath(new URL('build.mjs', import.meta.url)), site]);
const server = await serve(site);
let page, said;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--enable-unsafe-webgpu'] });
try {
  // A phone's screen.
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, acceptDownloads: true });
  context.setDefaultTimeout(240_000);
  page = await context.newPage();
  const problems = [];
  page.on('pageerror', error => problems.push(error.message));
  await page.goto(server.address);
  const status = async () => page.textContent('#status');
  said = async pattern => { await page.waitForFunction(p => new RegExp(p).test(document.querySelector('#status').textContent), pattern, { timeout: 240_000 }); };

  // What is no package, or a changed one, is refused in one sentence.
  const bytes = await readFile(given.path);
  await refused(Buffer.from('no archive'), 'no zip archive');
  const files = await readZip(bytes);
  const changed = Buffer.from(files.get('update.onnx'));
  changed[Math.floor(changed.length / 2)] ^= 1;
  await refused(writeZip(new Map(files).set('update.onnx', changed)), "'update.onnx' was changed since");
  await refused(writeZip(new Map([...files].filter(([name]) => name !== 'parameters.bin'))), "lacks 'parameters.bin'");
  const manifest = JSON.parse(Buffer.from(files.get('manifest.json')));
  await refused(writeZip(new Map(files).set('manifest.json', Buffer.from(JSON.stringify({ ...manifest, schemaVersion: 2 })))), 'manifest schema 2');
  await refused(writeZip(new Map(files).set('manifest.json', Buffer.from('[]'))), 'manifest of the package is damaged');
  // Another model's checkpoint.
  if (given.step) await refused(writeZip(new Map(files).set('checkpoint', (await readZip(await readFile(given.step))).get('checkpoint'))), "'checkpoint' was changed since");

  await page.setInputFiles('#package', given.path);
  await said('Add a few pictures');
  const about = await page.textContent('#about');
  const pictures = await choose(given.pictures);
  const classes = await page.locator('.class').count();
  assert.equal(pictures.length, 8);
  for (const label of [0, 1, 2, 3])
    await page.setInputFiles(`input[data-class="${label}"]`, pictures.filter(p => p.label === label).map(p => ({ name: 'a.jpg', mimeType: 'image/jpeg', buffer: p.bytes })));
  await said('8 pictures');
  assert.equal(await page.locator('.pictures canvas').count(), 8);
  await page.fill('#steps', '15');
  await page.fill('#rate', '0.0005');
  await page.click('#train');
  await said('Trained 15 steps');
  await page.setInputFiles('#classify', pictures.map(p => ({ name: 'a.jpg', mimeType: 'image/jpeg', buffer: p.bytes })));
  await page.waitForFunction(() => document.querySelectorAll('#answers li').length === 8);
  const answers = await page.$$eval('#answers li', items => items.map(i => Number(i.dataset.class)));
  const right = answers.filter((a, i) => a === pictures[i].label).length;
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
  const saved = join(folder, 'personal.onnx');
  await download.saveAs(saved);
  if (given.screenshot) await page.screenshot({ path: given.screenshot, fullPage: true });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `the page is ${width} pixels wide on a screen of 390`);

  // The saved file is one model that ONNX Runtime takes; it gives probabilities.
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(await readFile(saved));
  const shape = JSON.parse(new TextDecoder().decode((await readZip(bytes)).get('manifest.json'))).inputs[0].shape;
  const dims = [2, ...shape.slice(1).map(Number)];
  const input = new ort.Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b)).map((_, i) => Math.sin(i)), dims);
  const { probabilities } = await session.run({ [session.inputNames[0]]: input });
  assert.deepEqual([...probabilities.dims], [2, classes]);
  for (let row = 0; row < 2; row++) assert.ok(Math.abs(probabilities.data.slice(row * classes, (row + 1) * classes).reduce((a, b) => a + b) - 1) < 1e-4);

  const gpu = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter().catch(() => null)));
  const browserLosses = given.step ? await lossesInBrowser(page, site, gpu) : null;

  // Offline: the server is gone, the page still loads and takes a package.
  await page.evaluate(() => navigator.serviceWorker.ready);
  await server.close();
  await page.reload();
  await page.setInputFiles('#package', given.path);
  await said('Add a few pictures');
  assert.deepEqual(problems, []);
  console.log(JSON.stringify({ page: await status(), about, right: `${right} of 8`, saved: (await readFile(saved)).length, webgpu: gpu ? 'an adapter is offered' : 'no adapter in this browser', offline: true, browserLosses }));
} finally {
  await browser.close();
  await server.close().catch(() => {});
  await rm(folder, { recursive: true, force: true });
}

async function refused(buffer, words) {
  await page.setInputFiles('#package', { name: 'x.zip', mimeType: 'application/zip', buffer });
  await said(words);
  assert.ok(await page.locator('#status.error').count(), words);
  assert.equal(await page.locator('#training:not([hidden])').count(), 0, 'nothing of a refused package is used');
}

// Two pictures of each of four classes.
async function choose(path) {
  const entries = [...(await readZip(await readFile(path)))].filter(([name]) => /\.(jpe?g|png)$/i.test(name));
  const classOf = name => name.split('/').at(-2);
  const names = [...new Set(entries.map(([name]) => classOf(name)))].sort().slice(0, 4);
  return names.flatMap((name, label) => entries.filter(([n]) => classOf(n) === name).slice(0, 2).map(([, bytes]) => ({ label, bytes: Buffer.from(bytes) })));
}

async function lossesInBrowser(page, site, gpu) {
  await copyFile(given.step, join(site, 'test.zip'));
  await copyFile(given.batches, join(site, 'test.npz'));
  const expected = JSON.parse(await readFile(given.expected, 'utf8')).losses;
  const losses = await train(false, expected.length);
  const differBy = worst(losses, expected);
  assert.ok(differBy <= 1e-4, `the step's losses in the browser differ by ${differBy}`);
  // WebGPU sums in other orders; a few steps of it show that it works.
  const onGpu = gpu ? await onWebGpu() : null;
  assert.ok(!onGpu?.differBy || onGpu.differBy <= 1e-3, `on WebGPU the losses differ by ${onGpu?.differBy}`);
  return { steps: losses.length, differBy, webgpu: onGpu };

  // Whether an adapter that is offered can be used is the runtime's and the browser's affair; why not is said.
  async function onWebGpu() {
    try {
      return { differBy: worst(await train(true, 3), expected) };
    } catch (error) {
      const reason = /Can't create a session.*/.exec(error.message)?.[0];
      if (!reason) throw error;
      return { refused: reason.slice(0, 300) };
    }
  }

  function worst(found, wanted) {
    return Math.max(...found.map((l, i) => Math.abs(l - wanted[i]) / Math.abs(wanted[i])));
  }

  function train(isGpu, count) {
  return page.evaluate(async ({ isGpu, steps, size, learningRate, priorWeight }) => {
    const [{ openPackage }, { StepTrainer }, { readNpz }, { Batches }, { loadRuntime }] = await Promise.all(['package', 'step', 'npz', 'batches', 'runtime'].map(n => import(new URL(`${n}.js`, location.href))));
    const bytes = async name => new Uint8Array(await (await fetch(name)).arrayBuffer());
    const package_ = await openPackage(await bytes('test.zip'));
    const runtime = await loadRuntime(isGpu);
    const trainer = await StepTrainer.create(runtime.ort, package_, runtime.options, runtime.update);
    const batches = new Batches(await readNpz(await bytes('test.npz')), [package_.manifest.inputs[0].name], size);
    const found = [];
    for (let i = 0; i < steps; i++) {
      const { inputs, labels } = batches.at(i);
      const result = await trainer.step(inputs[0], labels.data, { learningRate, priorWeight });
      found.push(result.loss + priorWeight * result.priorEnergy);
    }
    return found;
  }, { isGpu, steps: count, size: given.batch, learningRate: given['learning-rate'], priorWeight: given['prior-weight'] });
  }
}
