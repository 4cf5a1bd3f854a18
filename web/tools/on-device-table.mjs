// The records as two tables in Markdown: one row a package, and one row a model with its worst differences and the sizes and times of its
// AdamW package with the learned prior. on-device-table.mjs RECORDS.jsonl
import { readFile } from 'node:fs/promises';

const rows = (await readFile(process.argv[2], 'utf8')).trim().split('\n').filter(Boolean).map(line => JSON.parse(line));
const ms = seconds => { const n = seconds * 1000; return n < 99.95 ? n.toPrecision(2) : n.toFixed(0); };
const table = (head, align, lines) => console.log([head, align, ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n'));
const given = values => values.filter(v => v !== undefined);
const priorOf = r => (r.prior === 'none' ? 'none' : 'learned');

table(
  ['model', 'optimizer', 'prior', 'steps', 'loss differs by', 'parameters differ by', 'in onnxruntime-web', 'package / model', 'load, s', 'a step, ms'],
  ['---', '---', '---', '--:', '--:', '--:', '--:', '--:', '--:', '--:'],
  rows.map(r => [r.name, r.optimizer, priorOf(r), r.steps, r.loss.toExponential(1), r.parameters.toExponential(1), r.webLoss?.toExponential(1) ?? '', (r.packageBytes / r.modelBytes).toFixed(1),
    given([r.deviceLoad, r.stepLoad, r.webLoad]).map(s => s.toFixed(1)).join(', '), given([r.deviceStep, r.stepStep, r.webStep]).map(ms).join(', ')]));

console.log();
const models = [...new Set(rows.map(r => r.name))].map(name => rows.filter(r => r.name === name));
table(
  ['model', 'MB', 'package / model', 'load, s', 'a step, ms', 'loss differs by', 'parameters differ by'],
  ['---', '--:', '--:', '--:', '--:', '--:', '--:'],
  models.map(packages => {
    const shown = packages.find(r => r.optimizer === 'adamw' && r.prior !== 'none') ?? packages[0];
    const most = pick => Math.max(...packages.map(pick)).toExponential(1);
    return [shown.name, (shown.modelBytes / 1e6).toPrecision(2), (shown.packageBytes / shown.modelBytes).toFixed(1),
      given([shown.deviceLoad, shown.stepLoad, shown.webLoad]).map(s => s.toFixed(1)).join(', '), given([shown.deviceStep, shown.stepStep, shown.webStep]).map(ms).join(', '),
      most(r => Math.max(r.loss, r.webLoss ?? 0)), most(r => r.parameters)];
  }));
