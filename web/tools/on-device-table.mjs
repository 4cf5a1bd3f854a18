// The record as a table in Markdown. on-device-table.mjs RECORD.jsonl
import { readFile } from 'node:fs/promises';

const rows = (await readFile(process.argv[2], 'utf8')).trim().split('\n').filter(Boolean).map(line => JSON.parse(line));
const ms = seconds => (seconds * 1000).toPrecision(3);
console.log('| model | optimizer | prior | steps | loss differs by | parameters differ by | package / model | load, s: device, step | a step, ms: device, step |');
console.log('| --- | --- | --- | --: | --: | --: | --: | --: | --: |');
for (const r of rows)
  console.log(`| ${r.name} | ${r.optimizer} | ${r.prior === 'none' ? 'none' : 'learned'} | ${r.steps} | ${r.loss.toExponential(1)} | ${r.parameters.toExponential(1)} | ${(r.packageBytes / r.modelBytes).toFixed(1)} | ${r.deviceLoad.toFixed(1)}, ${r.stepLoad.toFixed(1)} | ${ms(r.deviceStep)}, ${ms(r.stepStep)} |`);
