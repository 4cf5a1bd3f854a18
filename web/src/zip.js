// Reads zip archives (PKWARE's APPNOTE): stored and deflated entries, zip64 sizes. Every place is checked against the archive's end.

const END = 0x06054b50, END64_LOCATOR = 0x07064b50, END64 = 0x06064b50, ENTRY = 0x02014b50;

/**
 * The entries of an archive by name.
 * @param {Uint8Array} bytes the archive
 * @returns {Promise<Map<string, Uint8Array>>}
 */
export async function readZip(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== END) end--;
  if (end < 0) throw new Error('This is no zip archive, or it is cut short.');
  let [count, start] = [view.getUint16(end + 10, true), view.getUint32(end + 16, true)];
  if (end >= 20 && view.getUint32(end - 20, true) === END64_LOCATOR) {
    const wide = Number(view.getBigUint64(end - 12, true));
    if (view.getUint32(wide, true) !== END64) throw new Error('The zip archive is damaged.');
    [count, start] = [Number(view.getBigUint64(wide + 32, true)), Number(view.getBigUint64(wide + 48, true))];
  }
  const entries = new Map();
  for (let i = 0, at = start; i < count; i++) {
    if (view.getUint32(at, true) !== ENTRY) throw new Error('The zip archive is damaged.');
    const method = view.getUint16(at + 10, true);
    let [packed, size, place] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true), view.getUint32(at + 42, true)];
    const [name, extra, comment] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true), view.getUint16(at + 32, true)];
    const title = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name));
    for (let x = at + 46 + name; x < at + 46 + name + extra; x += 4 + view.getUint16(x + 2, true)) {
      if (view.getUint16(x, true) !== 1) continue;
      let field = x + 4;
      const next = () => { const v = Number(view.getBigUint64(field, true)); field += 8; return v; };
      if (size === 0xffffffff) size = next();
      if (packed === 0xffffffff) packed = next();
      if (place === 0xffffffff) place = next();
    }
    const data = place + 30 + view.getUint16(place + 26, true) + view.getUint16(place + 28, true);
    if (data + packed > bytes.length) throw new Error(`'${title}' in the zip archive is cut short.`);
    entries.set(title, await unpack(bytes.subarray(data, data + packed), method, size, title));
    at += 46 + name + extra + comment;
  }
  return entries;
}

async function unpack(packed, method, size, title) {
  if (method === 0) return packed;
  if (method !== 8) throw new Error(`'${title}' in the zip archive is packed by method ${method}; stored and deflated entries are read.`);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  if (bytes.length !== size) throw new Error(`'${title}' in the zip archive is damaged.`);
  return bytes;
}
