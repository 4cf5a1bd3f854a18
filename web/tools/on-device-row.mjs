// One line of the record: what a model's package takes and how the runtimes agreed. on-device-row.mjs NAME OPTIMIZER PRIOR MODEL PACKAGE
import { readFile, stat } from 'node:fs/promises';

const [name, optimizer, prior, model, folder] = process.argv.slice(2);
const json = async path => JSON.parse(await readFile(path, 'utf8'));
// One package of a model takes steps in onnxruntime-web too.
const jsonIfAny = path => json(path).catch(error => (error.code === 'ENOENT' ? undefined : Promise.reject(error)));
const size = async path => (await stat(path)).size;
const files = ['training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx', 'checkpoint', 'inference_model.onnx', 'manifest.json'];
const bytes = (await Promise.all(files.map(f => size(`${folder}/${f}`)))).reduce((sum, b) => sum + b, 0);
const [device, step, agreed] = await Promise.all(['device.', 'step.', ''].map(w => json(`${folder}.${w}json`)));
const [web, webLosses] = await Promise.all(['web', 'web-losses'].map(w => jsonIfAny(`${folder}.${w}.json`)));
console.log(JSON.stringify({
  name, optimizer, prior, ...agreed, webLoss: webLosses?.loss, modelBytes: await size(model), packageBytes: bytes,
  // Processor time, of one thread in each runtime: what other work on the machine does not stretch.
  deviceLoad: device.loadCpuSeconds, deviceStep: device.stepCpuSeconds, stepLoad: step.loadCpuSeconds, stepStep: step.stepCpuSeconds,
  webLoad: web?.loadCpuSeconds, webStep: web?.stepCpuSeconds,
}));
