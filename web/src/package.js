// A baked package: its manifest and files, checked against each other before anything else is done with them.
import { readZip } from './zip.js';

const SCHEMA = 1;
const DAMAGED = 'The manifest of the package is damaged; copy the package again.';
const NEEDED = ['gradient.onnx', 'eval.onnx', 'update.onnx', 'parameters.bin'];

/** A package that this page or tool cannot use; the message says why and what to do. */
export class PackageError extends Error {}

/**
 * Opens a package from a zip archive, or from a map of its files.
 * @param {Uint8Array | Map<string, Uint8Array>} source
 * @returns {Promise<{manifest: object, files: Map<string, Uint8Array>}>}
 */
export async function openPackage(source) {
  const files = source instanceof Map ? source : await readZip(source);
  const text = files.get('manifest.json');
  if (!text) throw new PackageError("This is no baked package: it has no manifest.json. Make one with 'onnxpriors bake --zip'.");
  const manifest = parsed(text);
  if (typeof manifest?.schemaVersion !== 'number') throw new PackageError(DAMAGED);
  if (manifest.schemaVersion !== SCHEMA) throw new PackageError(`The package has manifest schema ${manifest.schemaVersion}, and schema ${SCHEMA} is read here; bake it with the version of the tool that goes with this page.`);
  if (!Array.isArray(manifest.files)) throw new PackageError(DAMAGED);
  for (const file of manifest.files) {
    const bytes = files.get(file.name);
    if (!bytes) throw new PackageError(`The package lacks '${file.name}', which its manifest names; copy it again.`);
    if (bytes.length !== file.bytes || (await sha256(bytes)) !== file.sha256.toLowerCase()) throw new PackageError(`'${file.name}' was changed since the package was baked; copy it again.`);
  }
  const missing = NEEDED.filter(name => !manifest.files.some(f => f.name === name));
  if (missing.length) throw new PackageError(`The package holds no step for current runtimes (${missing.join(', ')}); bake with --target step or both.`);
  if (!['sgd', 'adamw'].includes(manifest.optimizer.name)) throw new PackageError(`The package was baked for ${manifest.optimizer.name}; bake with --optimizer sgd or adamw for a device.`);
  if (manifest.inputs.length !== 1 || manifest.buffers.length) throw new PackageError('The package has several inputs or moving statistics; models of one input with frozen statistics are trained here.');
  return { manifest, files };
}

function parsed(text) {
  try {
    return JSON.parse(new TextDecoder().decode(text));
  } catch {
    throw new PackageError(DAMAGED);
  }
}

async function sha256(bytes) {
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return [...new Uint8Array(digest)].map(b => b.toString(16).padStart(2, '0')).join('');
}

/** The floats of a file, copied to a place of their own. */
export function floats(bytes) {
  const copy = new Uint8Array(bytes);
  return new Float32Array(copy.buffer, 0, copy.byteLength / 4);
}
