// Reads NPZ files (NumPy's format description, versions 1 to 3): arrays in row-major order.
import { readZip } from './zip.js';

const TYPES = { '<f4': Float32Array, '|u1': Uint8Array, '<i8': BigInt64Array, '<f8': Float64Array, '<i4': Int32Array };

/**
 * The arrays of an NPZ file by name, each {data, dims}.
 * @param {Uint8Array} bytes the file
 */
export async function readNpz(bytes) {
  const arrays = new Map();
  for (const [name, entry] of await readZip(bytes)) arrays.set(name.replace(/\.npy$/, ''), readNpy(entry, name));
  return arrays;
}

function readNpy(bytes, name) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, false) !== 0x934e554d) throw new Error(`'${name}' is no array of NumPy.`);
  const [length, start] = bytes[6] === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12];
  const header = new TextDecoder().decode(bytes.subarray(start, start + length));
  const type = TYPES[/'descr': '([^']+)'/.exec(header)?.[1]];
  if (!type || /'fortran_order': True/.test(header)) throw new Error(`'${name}' has a type or an order that is not read: ${header.trim()}`);
  const dims = /'shape': \(([^)]*)\)/.exec(header)[1].split(',').filter(d => d.trim()).map(Number);
  const count = dims.reduce((product, d) => product * d, 1);
  // A copy, since elements of eight bytes may stand anywhere in an archive.
  const data = new Uint8Array(bytes.subarray(start + length, start + length + count * type.BYTES_PER_ELEMENT));
  return { data: new type(data.buffer, 0, count), dims };
}
