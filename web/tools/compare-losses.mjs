// Compares what two runtimes made of the same batches: node compare-losses.mjs [--first N] A.json B.json [A.bin B.bin] [LOSS-LIMIT [PARAMETER-LIMIT]].
// Prints the largest relative difference of a loss and, over each parameter buffer, ‖a − b‖ / ‖b‖; exit code 1 beyond the limits, which are
// 1e-4 and 1e-3 by default. --first looks at the first N losses alone, where one runtime took fewer steps.
import { readFile } from 'node:fs/promises';

const given = process.argv.slice(2);
const first = given[0] === '--first' ? Number(given.splice(0, 2)[1]) : undefined;
const [a, b] = given.splice(0, 2);
const [aBin, bBin] = given[0]?.endsWith('.bin') ? given.splice(0, 2) : [];
const [lossLimit = '1e-4', parameterLimit = '1e-3'] = given;
const [left, right] = (await Promise.all([a, b].map(async path => JSON.parse(await readFile(path, 'utf8'))))).map(report => report.losses.slice(0, first));
if (left.length !== right.length || left.length === 0) throw new Error(`'${a}' has ${left.length} losses and '${b}' ${right.length}.`);
const differences = left.map((x, i) => Math.abs(x - right[i]) / Math.abs(right[i]));
const result = { steps: differences.length, loss: worst(differences), firstLoss: left[0], lastLoss: left.at(-1) };
if (aBin) {
  const [x, y] = await Promise.all([aBin, bBin].map(async path => { const f = await readFile(path); return new Float32Array(f.buffer, f.byteOffset, f.length / 4); }));
  if (x.length !== y.length) throw new Error(`'${aBin}' has ${x.length} numbers and '${bBin}' ${y.length}.`);
  let [difference, size] = [0, 0];
  for (let i = 0; i < x.length; i++) { difference += (x[i] - y[i]) ** 2; size += y[i] ** 2; }
  result.parameters = Math.sqrt(difference / size);
}
result.within = result.loss <= Number(lossLimit) && (result.parameters === undefined || result.parameters <= Number(parameterLimit));
console.log(JSON.stringify(result));
process.exitCode = result.within ? 0 : 1;

// A NaN counts as the worst there is.
function worst(numbers) {
  return numbers.reduce((most, n) => (n <= most ? most : Number.isNaN(n) ? Infinity : n), 0);
}
