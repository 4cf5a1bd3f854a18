// Trains a package's step in the current onnxruntime-web (wasm) under Node, by the code that the page uses. Prints JSON as
// `onnxpriors replay` does; --parameters writes the trained parameters, --export one ONNX file.
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as ort from '../node_modules/onnxruntime-web/dist/ort.wasm.min.mjs';
import { Batches } from '../src/batches.js';
import { readNpz } from '../src/npz.js';
import { withParameters } from '../src/onnx-file.js';
import { openPackage } from '../src/package.js';
import { StepTrainer } from '../src/step.js';
import { readArguments } from './arguments.mjs';
import { startClock } from './clock.mjs';

const given = readArguments('usage: train-step.mjs PACKAGE --batches B.npz [--batch 16] [--steps 50] [--learning-rate R] [--momentum M] [--prior-weight W] [--parameters OUT.bin] [--export OUT.onnx]',
  { batches: '', batch: 16, steps: 50, 'learning-rate': 1e-3, momentum: 0, 'prior-weight': 0, parameters: '', export: '' });
ort.env.wasm.numThreads = 1;
const loading = startClock();
const files = new Map(await Promise.all((await readdir(given.path)).map(async name => [name, new Uint8Array(await readFile(join(given.path, name)))])));
const package_ = await openPackage(files);
const trainer = await StepTrainer.create(ort, package_);
const load = loading();
const batches = new Batches(await readNpz(await readFile(given.batches)), [package_.manifest.inputs[0].name], given.batch);
const [losses, priorEnergies] = [[], []];
let [seconds, cpuSeconds] = [0, 0];
for (let step = 0; step < given.steps; step++) {
  const { inputs, labels } = batches.at(step);
  const stepping = startClock();
  const result = await trainer.step(inputs[0], labels.data, { learningRate: given['learning-rate'], momentum: given.momentum, priorWeight: given['prior-weight'] });
  const took = stepping();
  seconds += took.seconds;
  cpuSeconds += took.cpuSeconds;
  losses.push(result.loss + given['prior-weight'] * result.priorEnergy);
  priorEnergies.push(result.priorEnergy);
}
if (given.parameters) await writeFile(given.parameters, Buffer.concat([...trainer.named().values()].map(p => Buffer.from(p.data.buffer, p.data.byteOffset, p.data.byteLength))));
if (given.export) {
  const model = withParameters(files.get('eval.onnx'), trainer.named(), package_.manifest.logits, package_.manifest.classes);
  const bytes = new Uint8Array(await model.arrayBuffer());
  // What was written must predict what the trainer does.
  const session = await ort.InferenceSession.create(bytes);
  const input = batches.at(0).inputs[0];
  const found = (await session.run({ [input.name]: new ort.Tensor('float32', input.data, input.dims) })).probabilities.data;
  const expected = (await trainer.classify(input)).flatMap(row => [...row]);
  const worst = Math.max(...expected.map((e, i) => Math.abs(e - found[i])));
  if (!(worst < 1e-5)) throw new Error(`The exported model's probabilities differ by ${worst}.`);
  await writeFile(given.export, bytes);
}
console.log(JSON.stringify({ runtime: `onnxruntime-web ${ort.env.versions.web}`, losses, priorEnergies, loadSeconds: load.seconds, stepSeconds: seconds / given.steps, loadCpuSeconds: load.cpuSeconds, stepCpuSeconds: cpuSeconds / given.steps }));
